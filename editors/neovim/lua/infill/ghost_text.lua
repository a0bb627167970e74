-- The ghost text of each buffer: which suggestions there are, which one is on the screen, and when it goes away.
--
-- How it is drawn is up to a screen: `builtin` (Neovim 0.12) or `own`. It sends no requests.

local menu = require('infill.menu')
local server = require('infill.server')
local suggestion = require('infill.suggestion')

local M = {}

---@class infill.Screen
---@field show fun(buf: integer, rests: infill.Shown[], index: integer, counted: boolean)
---@field hide fun(buf: integer)

---@class infill.Shown
---@field rest infill.Rest
---@field suggestion infill.Suggestion

---@class infill.Ghost
---@field client_id integer
---@field suggestions infill.Suggestion[]
---@field index integer
---@field explicit boolean the user asked for these
---@field counted boolean the user goes through them, so that their number is of interest
---@field told table<infill.Suggestion, boolean> which of them the server knows to have been shown

local ghosts = {} ---@type table<integer, infill.Ghost?>
local screens = {} ---@type table<integer, infill.Screen?>
local dismissed = {} ---@type table<integer, integer?> the change at which the user sent the ghost text away

---@param buf integer
---@param screen? infill.Screen nil: no ghost text in this buffer any more
function M.set_screen(buf, screen)
  M.clear(buf)
  screens[buf] = screen
end

---@return boolean
local function is_inserting()
  return vim.startswith(vim.api.nvim_get_mode().mode, 'i')
end

---@param ghost infill.Ghost
---@param buf integer
---@return infill.Shown[]
---@return integer? index of the one on the screen; nil: what was typed is something else
local function still_fitting(ghost, buf)
  local now = suggestion.place(buf)
  local found = {} ---@type infill.Shown[]
  local index ---@type integer?
  for number, each in ipairs(ghost.suggestions) do
    local rest = suggestion.rest(each, buf, now)
    if rest then
      table.insert(found, { rest = rest, suggestion = each })
      index = number == ghost.index and #found or index
    end
  end
  return found, index
end

---Give what is on the screen.
---@param buf integer
---@return infill.Shown?
---@return integer? client_id
function M.current(buf)
  local ghost = ghosts[buf]
  if not ghost or buf ~= vim.api.nvim_get_current_buf() or not is_inserting() or menu.is_visible() then
    return nil
  end
  local found, index = still_fitting(ghost, buf)
  if index then
    return found[index], ghost.client_id
  end
end

---@param ghost infill.Ghost
---@param shown infill.Suggestion
local function tell_shown(ghost, shown)
  local client = vim.lsp.get_client_by_id(ghost.client_id)
  if client and not ghost.told[shown] then
    ghost.told[shown] = true
    server.notify(client, 'textDocument/didShowCompletion', { item = shown.item })
  end
end

---Draw what is left after a key or a move, and forget it when something else was typed.
---@param buf integer
function M.refresh(buf)
  local ghost, screen = ghosts[buf], screens[buf]
  if not ghost or not screen then
    return
  end
  if buf ~= vim.api.nvim_get_current_buf() or not is_inserting() then
    return M.clear(buf)
  end
  local found, index = still_fitting(ghost, buf)
  if not index then
    return M.clear(buf)
  end
  if menu.is_visible() then
    return screen.hide(buf)
  end
  screen.show(buf, found, index, ghost.counted)
  tell_shown(ghost, found[index].suggestion)
end

---@param buf integer
function M.clear(buf)
  local screen = screens[buf]
  ghosts[buf] = nil
  if screen and vim.api.nvim_buf_is_valid(buf) then
    screen.hide(buf)
  end
end

---Take over what the server answered to a request made at `place`.
---@param buf integer
---@param client vim.lsp.Client
---@param place infill.Place
---@param items lsp.InlineCompletionItem[]
---@param explicit boolean
function M.answered(buf, client, place, items, explicit)
  local found = {} ---@type infill.Suggestion[]
  for _, item in ipairs(items) do
    table.insert(found, suggestion.read(item, place, client.offset_encoding))
  end
  local before = M.current(buf)
  if #found == 0 then
    return M.clear(buf)
  end
  ghosts[buf] =
    { client_id = client.id, suggestions = found, index = 1, explicit = explicit, counted = false, told = {} }
  if explicit and before and #found > 1 and found[1].text == before.suggestion.text then
    -- Who asks for another one has seen this one.
    ghosts[buf].index, ghosts[buf].counted = 2, true
    ghosts[buf].told[found[1]] = true
  end
  M.refresh(buf)
end

---Tell whether an automatic request would only disturb: the user chose what is on the screen, or sent it away.
---@param buf integer
---@return boolean
function M.wants_quiet(buf)
  if dismissed[buf] == vim.b[buf].changedtick then
    return true
  end
  local ghost = ghosts[buf]
  return ghost ~= nil and ghost.explicit and M.current(buf) ~= nil
end

---Show another suggestion.
---@param buf integer
---@param delta integer
---@return boolean is_cycled false: there is no other one
function M.cycle(buf, delta)
  local ghost = ghosts[buf]
  if not ghost or not M.current(buf) or #ghost.suggestions < 2 then
    return false
  end
  ghost.index = (ghost.index - 1 + delta) % #ghost.suggestions + 1
  ghost.explicit, ghost.counted = true, true
  M.refresh(buf)
  return true
end

---@param buf integer
---@return boolean is_dismissed false: there was none
function M.dismiss(buf)
  if not M.current(buf) then
    return false
  end
  dismissed[buf] = vim.b[buf].changedtick
  M.clear(buf)
  return true
end

---The user asks again.
---@param buf integer
function M.undismiss(buf)
  dismissed[buf] = nil
end

return M

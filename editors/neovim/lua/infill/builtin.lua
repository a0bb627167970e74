-- Lets `vim.lsp.inline_completion` of Neovim 0.12 draw the ghost text, and stands between it and the server.
--
-- The built-in asks by itself and shows what is answered, and has no word for "hide this". Its handler is the way to
-- tell it: an answer with one suggestion shows that one, and an empty one hides it. Standing between the two also lets
-- a newer request take the older one's place, and keeps answers away that came too late.

local asking = require('infill.asking')
local server = require('infill.server')

---@class infill.BuiltinScreen : infill.Screen
local M = {}

---@class infill.Listener
---@field client_id integer
---@field handler lsp.Handler

local listeners = {} ---@type table<integer, infill.Listener?>
local waiting = {} ---@type table<integer, { items: lsp.InlineCompletionItem[], index: integer, counted: boolean }?>
local asked = {} ---@type table<integer, boolean?>

---@param buf integer
---@param items lsp.InlineCompletionItem[]
---@return boolean
local function deliver(buf, items)
  local listener = listeners[buf]
  if not listener or not vim.lsp.inline_completion.is_enabled({ bufnr = buf }) then
    return false
  end
  local context = { client_id = listener.client_id, bufnr = buf, method = server.INLINE_COMPLETION }
  -- The handler of a buffer where it was switched off and on again meanwhile fails; the next request brings a new one.
  local is_delivered = pcall(listener.handler, nil, { items = items }, context)
  if not is_delivered then
    listeners[buf] = nil
  end
  return is_delivered
end

---@param buf integer
---@param items lsp.InlineCompletionItem[]
---@param index integer
---@param counted boolean
---@return boolean
local function draw(buf, items, index, counted)
  if not deliver(buf, items) then
    return false
  end
  if counted then
    vim.lsp.inline_completion.select({ bufnr = buf, count = index - 1 })
  end
  return true
end

---@param buf integer
---@param rests infill.Shown[]
---@param index integer
---@param counted boolean
function M.show(buf, rests, index, counted)
  local client = server.client(buf)
  if not client then
    return
  end
  local items = {} ---@type lsp.InlineCompletionItem[]
  for number, each in ipairs(rests) do
    local rest = each.rest
    local line = vim.api.nvim_buf_get_lines(buf, rest.row, rest.row + 1, true)[1]
    ---@param column integer
    ---@return lsp.Position
    local function position(column)
      return { line = rest.row, character = vim.str_utfindex(line, client.offset_encoding, column, false) }
    end
    local item = {
      insertText = rest.text,
      range = { start = position(rest.column), ['end'] = position(rest.last) },
      command = each.suggestion.item.command,
    }
    if counted or number == index then
      table.insert(items, item)
    end
  end
  waiting[buf] = nil
  if not draw(buf, items, index, counted) then
    -- The built-in has not asked yet; it does so in a moment.
    waiting[buf] = { items = items, index = index, counted = counted }
  end
end

---@param buf integer
function M.hide(buf)
  waiting[buf] = nil
  deliver(buf, {})
end

---Stand between the built-in and the server.
---@param client vim.lsp.Client
function M.intercept(client)
  if asked[client.id] then
    return
  end
  asked[client.id] = true
  local request = client.request
  client.request = function(self, method, params, handler, bufnr)
    if method ~= server.INLINE_COMPLETION or not handler or asking.is_ours(params) then
      return request(self, method, params, handler, bufnr)
    end
    local buf = bufnr and bufnr ~= 0 and bufnr or vim.api.nvim_get_current_buf()
    listeners[buf] = { client_id = self.id, handler = handler }
    local held = waiting[buf]
    if held then
      waiting[buf] = nil
      draw(buf, held.items, held.index, held.counted)
    else
      asking.automatically(buf)
    end
    return true
  end
end

---@param buf integer
function M.enable(buf)
  listeners[buf], waiting[buf] = nil, nil
  vim.lsp.inline_completion.enable(true, { bufnr = buf })
end

---@param buf integer
function M.disable(buf)
  vim.lsp.inline_completion.enable(false, { bufnr = buf })
  listeners[buf], waiting[buf] = nil, nil
end

return M

-- Requests for ghost text: one at a time a buffer, a newer one takes the older one's place. It draws nothing.

local ghost_text = require('infill.ghost_text')
local server = require('infill.server')
local suggestion = require('infill.suggestion')

local M = {}

local AUTOMATIC, INVOKED = 2, 1
-- As long as the built-in of Neovim 0.12 waits; the server waits longer where fills are slow.
local PAUSE_MS = 200

---@class infill.Request
---@field client vim.lsp.Client
---@field number integer
---@field explicit boolean
---@field change integer

local running = {} ---@type table<integer, infill.Request?>
local timers = {} ---@type table<integer, uv.uv_timer_t?>
local ours = setmetatable({}, { __mode = 'k' }) ---@type table<table, boolean?>

---Tell whether a request's parameters were made here.
---@param params any
---@return boolean
function M.is_ours(params)
  return ours[params] ~= nil
end

---@param buf integer
local function stop_timer(buf)
  local timer = timers[buf]
  timers[buf] = nil
  if timer and not timer:is_closing() then
    timer:stop()
    timer:close()
  end
end

---Take back what was asked.
---@param buf integer
function M.cancel(buf)
  stop_timer(buf)
  local request = running[buf]
  running[buf] = nil
  if request and not request.client:is_stopped() then
    request.client:cancel_request(request.number)
  end
end

---@param buf integer
---@param kind 1|2
local function ask(buf, kind)
  local client = server.client(buf)
  if not client or buf ~= vim.api.nvim_get_current_buf() then
    return
  end
  M.cancel(buf)
  local place = suggestion.place(buf)
  local column = vim.str_utfindex(place.line, client.offset_encoding, place.column, false)
  local params = {
    textDocument = { uri = vim.uri_from_bufnr(buf) },
    position = { line = place.row, character = column },
    context = { triggerKind = kind },
  }
  ours[params] = true
  local request ---@type infill.Request?
  local number = server.request(client, server.INLINE_COMPLETION, params, function(problem, result)
    if not request or running[buf] ~= request then
      return
    end
    running[buf] = nil
    if not problem and vim.api.nvim_buf_is_valid(buf) then
      local items = result and (result.items or result) or {}
      ghost_text.answered(buf, client, place, items, kind == INVOKED)
      if #items == 0 and kind == INVOKED then
        require('infill.report').why_nothing(client, buf)
      end
    end
  end, buf)
  if number then
    request =
      { client = client, number = number, explicit = kind == INVOKED, change = vim.b[buf].changedtick }
    running[buf] = request
  end
end

---The user asks for suggestions, as many as there are.
---@param buf integer
function M.explicitly(buf)
  ghost_text.undismiss(buf)
  ask(buf, INVOKED)
end

---The user typed or moved, and then paused.
---@param buf integer
function M.automatically(buf)
  local request = running[buf]
  local is_awaited = request and request.explicit and request.change == vim.b[buf].changedtick
  local is_macro = vim.fn.reg_recording() ~= '' or vim.fn.reg_executing() ~= ''
  if not is_awaited and not is_macro and not ghost_text.wants_quiet(buf) then
    ask(buf, AUTOMATIC)
  end
end

---Ask automatically after a pause, unless another key comes before.
---@param buf integer
function M.after_pause(buf)
  stop_timer(buf)
  timers[buf] = vim.defer_fn(function()
    stop_timer(buf)
    if vim.startswith(vim.api.nvim_get_mode().mode, 'i') then
      M.automatically(buf)
    end
  end, PAUSE_MS)
end

return M

-- Puts the ghost text, or a part of it, into the buffer, and tells the server what became of it.

local ghost_text = require('infill.ghost_text')
local server = require('infill.server')
local suggestion = require('infill.suggestion')

local M = {}

---@param buf integer
---@param rest infill.Rest
---@param text string
---@param last integer
local function insert(buf, rest, text, last)
  local lines = vim.split(text, '\n', { plain = true })
  vim.api.nvim_buf_set_text(buf, rest.row, rest.column, rest.row, last, lines)
  local column = #lines == 1 and rest.column + #text or #lines[#lines]
  vim.api.nvim_win_set_cursor(0, { rest.row + #lines, column })
end

---@param buf integer
---@param part infill.Part
local function take(buf, part)
  local shown, client_id = ghost_text.current(buf)
  local client = client_id and vim.lsp.get_client_by_id(client_id)
  if not shown or not client then
    return
  end
  local rest, item = shown.rest, shown.suggestion.item
  local text = suggestion.part(rest.text, part)
  if text == rest.text then
    ghost_text.clear(buf)
    insert(buf, rest, text, rest.last)
    if item.command then
      client:exec_cmd(item.command, { bufnr = buf })
    end
    return
  end
  insert(buf, rest, text, rest.column)
  local num_left = #rest.text - #text
  server.notify(client, 'textDocument/didPartiallyAcceptCompletion', {
    item = item,
    acceptedLength = suggestion.num_utf16(shown.suggestion.text:sub(1, -num_left - 1)),
  })
  ghost_text.refresh(buf)
end

---Accept what is on the screen, later in this turn: a mapping with `expr` may not change the buffer itself.
---@param part infill.Part
---@return boolean is_accepted false: there is no ghost text
function M.accept(part)
  local buf = vim.api.nvim_get_current_buf()
  if not ghost_text.current(buf) then
    return false
  end
  vim.schedule(function()
    if buf == vim.api.nvim_get_current_buf() then
      take(buf, part)
    end
  end)
  return true
end

return M

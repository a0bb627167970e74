-- Draws ghost text without `vim.lsp.inline_completion`, the way that draws it. For Neovim 0.11.

---@class infill.OwnScreen : infill.Screen
local M = {}

local namespace = vim.api.nvim_create_namespace('infill.ghost_text')

---@param buf integer
---@param rests infill.Shown[]
---@param index integer
---@param counted boolean
function M.show(buf, rests, index, counted)
  M.hide(buf)
  local rest = rests[index].rest
  local lines = {} ---@type [string, string][][]
  for text in vim.gsplit(rest.text, '\n', { plain = true }) do
    table.insert(lines, { { text, 'InfillGhostText' } })
  end
  if counted then
    table.insert(lines[#lines], { (' (%d/%d)'):format(index, #rests), 'InfillGhostTextCount' })
  end
  vim.api.nvim_buf_set_extmark(buf, namespace, rest.row, rest.column, {
    virt_text = lines[1],
    virt_text_pos = rest.last > rest.column and 'overlay' or 'inline',
    virt_lines = vim.list_slice(lines, 2),
    hl_mode = 'combine',
  })
end

---@param buf integer
function M.hide(buf)
  vim.api.nvim_buf_clear_namespace(buf, namespace, 0, -1)
end

return M

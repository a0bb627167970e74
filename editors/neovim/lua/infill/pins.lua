-- The lines that the user wants to keep while what surrounds them is written anew. They move with the text.

local M = {}

local namespace = vim.api.nvim_create_namespace('infill.pins')

---Pin some lines, or unpin them when all of them are pinned. Rows count from 0, both included.
---@param buf integer
---@param first integer
---@param last integer
---@return boolean is_pinned
function M.toggle(buf, first, last)
  local before = M.within(buf, first, last)
  if #before == last - first + 1 then
    M.clear(buf, first, last)
    return false
  end
  M.clear(buf, first, last)
  for row = first, last do
    vim.api.nvim_buf_set_extmark(buf, namespace, row, 0, {
      line_hl_group = 'InfillPinned',
      sign_text = '▸',
      sign_hl_group = 'InfillPinnedSign',
      undo_restore = true,
    })
  end
  return true
end

---@param buf integer
---@param first integer
---@param last integer
---@return integer[] rows
function M.within(buf, first, last)
  local rows = {} ---@type integer[]
  for _, mark in ipairs(vim.api.nvim_buf_get_extmarks(buf, namespace, { first, 0 }, { last, -1 }, {})) do
    local row = mark[2]
    if rows[#rows] ~= row then
      table.insert(rows, row)
    end
  end
  return rows
end

---@param buf integer
---@param first? integer
---@param last? integer
function M.clear(buf, first, last)
  vim.api.nvim_buf_clear_namespace(buf, namespace, first or 0, last and last + 1 or -1)
end

return M

-- The lines that were filled or rewritten last in each buffer, and how: what "re-roll" goes back to. They move with the
-- text.

local M = {}

---@class infill.How
---@field noise? number how much is let go of, 0 to 1
---@field instruction? string

---@class infill.Region
---@field mark integer
---@field how infill.How

local namespace = vim.api.nvim_create_namespace('infill.regions')
local regions = {} ---@type table<integer, infill.Region?>

---@param buf integer
---@param first integer row, counted from 0
---@param last integer row, included
---@param how infill.How
function M.remember(buf, first, last, how)
  vim.api.nvim_buf_clear_namespace(buf, namespace, 0, -1)
  local line = vim.api.nvim_buf_get_lines(buf, last, last + 1, true)[1]
  local mark = vim.api.nvim_buf_set_extmark(buf, namespace, first, 0, {
    end_row = last,
    end_col = #line,
    right_gravity = false,
    end_right_gravity = true,
  })
  regions[buf] = { mark = mark, how = how }
end

---@param buf integer
---@return integer? first
---@return integer? last
---@return infill.How? how
function M.last(buf)
  local region = regions[buf]
  if not region then
    return nil
  end
  local found = vim.api.nvim_buf_get_extmark_by_id(buf, namespace, region.mark, { details = true })
  local details = found[3]
  if not details or not details.end_row then
    return nil
  end
  return found[1], details.end_row, region.how
end

return M

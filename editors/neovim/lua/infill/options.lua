-- What the user may choose: `require('infill').setup()`, `vim.g.infill` and `vim.b.infill_enabled`.

local M = {}

---@class infill.Options
---@field ghost_text boolean show ghost text as soon as the server is attached
---@field own_ghost_text? boolean draw ghost text without `vim.lsp.inline_completion`; nil: only where Neovim has none
---@field preview boolean draw the drafts of what was asked for by a command

---@class infill.GivenOptions
---@field ghost_text? boolean
---@field own_ghost_text? boolean
---@field preview? boolean

---@type infill.Options
local DEFAULTS = { ghost_text = true, own_ghost_text = nil, preview = true }

local chosen = {} ---@type infill.GivenOptions

local KINDS = { ghost_text = 'boolean', own_ghost_text = 'boolean', preview = 'boolean' }

---@param given infill.GivenOptions
function M.set(given)
  for name, value in pairs(given) do
    if not KINDS[name] then
      error(('infill: there is no option %q'):format(name), 0)
    end
    vim.validate('infill: ' .. name, value, KINDS[name])
  end
  chosen = vim.tbl_extend('force', chosen, given)
end

---@return infill.Options
function M.get()
  local global = type(vim.g.infill) == 'table' and vim.g.infill or {}
  return vim.tbl_extend('force', DEFAULTS, global, chosen)
end

---Tell whether ghost text is wanted in a buffer.
---@param buf integer
---@return boolean
function M.is_enabled(buf)
  local own = vim.b[buf].infill_enabled
  if own ~= nil then
    return own and true or false
  end
  return M.get().ghost_text
end

---Tell whether we draw the ghost text ourselves.
---@return boolean
function M.draws_itself()
  local wanted = M.get().own_ghost_text
  if wanted ~= nil then
    return wanted
  end
  return vim.lsp.inline_completion == nil
end

return M

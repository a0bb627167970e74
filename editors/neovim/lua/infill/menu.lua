-- Whether a completion plugin shows its menu: ghost text would stand in its way. Neovim's own menu and ghost text go
-- together. It loads no plugin: one that is not loaded shows no menu.

local M = {}

---@param module string
---@param name string
---@return boolean
local function says_visible(module, name)
  local loaded = package.loaded[module]
  local ask = type(loaded) == 'table' and loaded[name]
  if type(ask) ~= 'function' then
    return false
  end
  -- A foreign plugin in trouble is no reason to lose the ghost text.
  local is_answered, visible = pcall(ask)
  return is_answered and visible == true
end

---@return boolean
function M.is_visible()
  return says_visible('blink.cmp', 'is_visible') or says_visible('cmp', 'visible')
end

local watches_cmp = false

---Call back when a menu opens or closes.
---@param group integer
---@param changed fun()
function M.watch(group, changed)
  vim.api.nvim_create_autocmd('User', {
    group = group,
    pattern = { 'BlinkCmpMenuOpen', 'BlinkCmpMenuClose', 'BlinkCmpShow', 'BlinkCmpHide' },
    desc = 'Hide ghost text behind the menu of blink.cmp',
    callback = vim.schedule_wrap(changed),
  })
  M.watch_cmp(changed)
end

---The same for nvim-cmp, which has events of its own. To be tried again: it may be loaded late.
---@param changed fun()
function M.watch_cmp(changed)
  local cmp = package.loaded['cmp']
  local event = type(cmp) == 'table' and cmp.event
  if watches_cmp or type(event) ~= 'table' or type(event.on) ~= 'function' then
    return
  end
  watches_cmp = true
  for _, name in ipairs({ 'menu_opened', 'menu_closed' }) do
    event:on(name, vim.schedule_wrap(changed))
  end
end

return M

-- Defines `:Infill` and the `<Plug>` maps, and waits for the server to be attached; nothing else is loaded until then.
-- It maps no key and starts no server: `vim.lsp.enable('infill_lsp')` does that.

if vim.g.loaded_infill or vim.fn.has('nvim-0.11') == 0 then
  return
end
vim.g.loaded_infill = true

local NAME = 'infill_lsp'

vim.api.nvim_create_user_command('Infill', function(given)
  require('infill.commands').run(given)
end, {
  nargs = '*',
  range = true,
  bang = true,
  desc = 'Fill holes and rewrite code',
  complete = function(lead, line)
    return require('infill.commands').complete(lead, line)
  end,
})

local group = vim.api.nvim_create_augroup('infill', { clear = true })

vim.api.nvim_create_autocmd('LspAttach', {
  group = group,
  desc = 'Ghost text where infill-lsp is attached',
  callback = function(event)
    local client = vim.lsp.get_client_by_id(event.data.client_id)
    if client and client.name == NAME then
      require('infill.attach').attached(event.buf, client)
    end
  end,
})

vim.api.nvim_create_autocmd('LspDetach', {
  group = group,
  desc = 'No ghost text without infill-lsp',
  callback = function(event)
    local client = vim.lsp.get_client_by_id(event.data.client_id)
    if client and client.name == NAME then
      require('infill.attach').detached(event.buf, client)
    end
  end,
})

---@param modes string[]
---@param name string
---@param desc string
---@param run fun(infill: table)
local function map(modes, name, desc, run)
  vim.keymap.set(modes, ('<Plug>(infill-%s)'):format(name), function()
    run(require('infill'))
  end, { desc = 'infill: ' .. desc })
end

for name, desc in pairs({
  accept = 'accept the ghost text',
  accept_word = 'accept a word of the ghost text',
  accept_line = 'accept a line of the ghost text',
  next = 'show the next suggestion',
  previous = 'show the previous suggestion',
  dismiss = 'hide the ghost text',
}) do
  map({ 'i' }, (name:gsub('_', '-')), desc, function(infill)
    infill[name]()
  end)
end
map({ 'i', 'n' }, 'trigger', 'ask for suggestions', function(infill)
  infill.trigger()
end)
map({ 'i', 'n' }, 'toggle', 'switch ghost text off or on', function(infill)
  infill.toggle()
end)

-- In visual mode `:` puts the selected lines before the command.
for name, command in pairs({
  fill = 'fill',
  ['rewrite-tidy'] = 'rewrite tidy',
  ['rewrite-rework'] = 'rewrite rework',
  ['rewrite-redo'] = 'rewrite redo',
  pin = 'pin',
}) do
  local lhs, desc = ('<Plug>(infill-%s)'):format(name), 'infill: ' .. command
  vim.keymap.set('n', lhs, ('<Cmd>Infill %s<CR>'):format(command), { desc = desc })
  vim.keymap.set('x', lhs, (':Infill %s<CR>'):format(command), { desc = desc, silent = true })
end
vim.keymap.set('n', '<Plug>(infill-fill-all)', '<Cmd>Infill fill-all<CR>', { desc = 'infill: fill all holes' })
vim.keymap.set('n', '<Plug>(infill-reroll)', '<Cmd>Infill reroll<CR>', { desc = 'infill: write the rest anew' })

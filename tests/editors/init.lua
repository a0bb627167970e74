-- What a user's init.lua says, as docs/editors.md tells it; the server and the screen are chosen by the tests.
local here = vim.fs.dirname(debug.getinfo(1, 'S').source:sub(2))
local root = vim.fs.dirname(vim.fs.dirname(here))

vim.opt.runtimepath:append(root .. '/editors/neovim')
vim.lsp.config('infill_lsp', { cmd = vim.split(vim.env.INFILL_SERVER, '\n'), cmd_env = { PYTHONPATH = root } })
if vim.env.INFILL_SCREEN == 'own' then
  vim.g.infill = { own_ghost_text = true }
end
vim.lsp.enable('infill_lsp')

vim.keymap.set('i', '<Tab>', function()
  if not require('infill').accept() then
    return '<Tab>'
  end
end, { expr = true, desc = 'Accept the ghost text' })
vim.keymap.set('i', '<M-w>', '<Plug>(infill-accept-word)')
vim.keymap.set('i', '<M-l>', '<Plug>(infill-accept-line)')
vim.keymap.set('i', '<M-]>', '<Plug>(infill-next)')
vim.keymap.set('i', '<M-[>', '<Plug>(infill-previous)')
vim.keymap.set('i', '<C-]>', '<Plug>(infill-dismiss)')
vim.keymap.set('i', '<M-Bslash>', '<Plug>(infill-trigger)')

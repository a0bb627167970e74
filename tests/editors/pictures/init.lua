-- A user's init.lua, as docs/editors.md tells it, for the pictures; the server is chosen by who takes them.
local here = vim.fs.dirname(debug.getinfo(1, 'S').source:sub(2))
local root = vim.fs.dirname(vim.fs.dirname(vim.fs.dirname(here)))

vim.opt.runtimepath:append(root .. '/editors/neovim')
vim.lsp.config('infill_lsp', { cmd = vim.split(vim.env.INFILL_SERVER, '\n'), cmd_env = { PYTHONPATH = root } })
vim.lsp.enable('infill_lsp')

vim.o.cmdheight = 0
vim.o.number = true
vim.o.showmode = false
vim.o.ruler = false
vim.o.fillchars = 'eob: '
vim.o.laststatus = 2
vim.o.statusline = " %t%=%{v:lua.require'infill'.status()} "

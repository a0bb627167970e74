-- The language server's configuration, found by Neovim 0.12 in the `lsp/` folder of every runtime path.
-- It starts nothing by itself: `vim.lsp.enable('infill_lsp')` does. It maps no keys and sets no options.

---@type vim.lsp.Config
return {
  cmd = { 'infill-lsp' },
  filetypes = { 'python' },
  root_markers = { 'infill.toml', 'pyproject.toml', '.git' },
  settings = {
    -- docs/settings.md lists the keys; what is not set here has its default.
    ['infill-lsp'] = vim.empty_dict(),
  },
}

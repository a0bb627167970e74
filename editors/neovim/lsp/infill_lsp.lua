-- The language server's configuration, found by Neovim 0.11 and newer in the `lsp/` folder of every runtime path.
-- It starts nothing by itself: `vim.lsp.enable('infill_lsp')` does. It maps no keys and sets no options.

-- What Neovim calls by another name than the protocol.
local LANGUAGE_IDS = { sh = 'shellscript', bash = 'shellscript', zsh = 'shellscript', cs = 'csharp' }

---@type vim.lsp.Config
return {
  cmd = { 'infill-lsp' },
  filetypes = {
    'bash',
    'c',
    'cpp',
    'cs',
    'css',
    'dart',
    'elixir',
    'go',
    'haskell',
    'html',
    'java',
    'javascript',
    'javascriptreact',
    'json',
    'jsonc',
    'julia',
    'kotlin',
    'lua',
    'markdown',
    'ocaml',
    'php',
    'python',
    'ruby',
    'rust',
    'scala',
    'sh',
    'sql',
    'swift',
    'toml',
    'typescript',
    'typescriptreact',
    'yaml',
    'zig',
    'zsh',
  },
  root_markers = { 'infill.toml', 'pyproject.toml', '.git' },
  get_language_id = function(_, filetype)
    return LANGUAGE_IDS[filetype] or filetype
  end,
  on_exit = function(code, signal, client_id)
    -- Only the plugin starts it again; this file may stand alone.
    local is_there, restart = pcall(require, 'infill.restart')
    if is_there then
      restart.ended(code, signal, client_id)
    end
  end,
  -- What each denoising step left is drawn while a command of the user runs.
  init_options = { drafts = true },
  settings = {
    -- docs/settings.md lists the keys; what is not set here has its default.
    ['infill-lsp'] = vim.empty_dict(),
  },
}

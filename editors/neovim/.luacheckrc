-- For luacheck, which looks for unused, undefined and shadowed names; the types are lua-language-server's.
-- What Neovim gives to Lua is `vim`: its options and variables are set by assignment, and users may replace `vim.notify`
-- and what stands in `vim.lsp.handlers`.
local settable = { read_only = false, other_fields = true }

std = 'luajit'
max_line_length = 120
read_globals = {
  vim = {
    other_fields = true,
    fields = {
      b = settable,
      bo = settable,
      g = settable,
      o = settable,
      notify = { read_only = false },
      lsp = { other_fields = true, fields = { handlers = settable } },
    },
  },
}

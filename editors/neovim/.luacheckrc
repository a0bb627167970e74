-- For luacheck, which looks for unused and undefined names; the types are lua-language-server's.
std = 'luajit'
read_globals = { vim = { other_fields = true } }
max_line_length = 120
ignore = {
  '122/vim', -- Neovim's options and variables are set by assignment.
}

#!/usr/bin/env bash
# Check the Neovim plugin's Lua: that it compiles, its names (luacheck) and its types (lua-language-server).
#
# usage: check_lua.sh [PREFIX]     PREFIX: where install_neovim.sh put Neovim
#
# luacheck is Debian's package lua-check. No package registry has lua-language-server: where it is not on the PATH nor
# in PREFIX/luals/bin, the types are not checked and this says so; with INFILL_REQUIRE_TYPES=1 that is a failure.
set -euo pipefail

PREFIX=${1:-${INFILL_EDITORS:-${XDG_CACHE_HOME:-$HOME/.cache}/infill-lsp/editors}}
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
NVIM=$PREFIX/nvim/usr/bin/nvim
PATH=$PATH:$PREFIX/luals/bin

cd "$ROOT/editors/neovim"
mapfile -t files < <(find . ../../tests/editors -name '*.lua' -not -path '*/node_modules/*')

"$NVIM" --clean -l /dev/stdin "${files[@]}" <<'LUA'
for _, file in ipairs(arg) do
  assert(loadfile(file))
end
LUA
echo "lua: ${#files[@]} files compile"

if command -v luacheck >/dev/null; then
  luacheck --quiet --config .luacheckrc lua lsp plugin
else
  echo "lua: luacheck is not installed (Debian's lua-check), so unused names are not looked for" >&2
fi

if command -v lua-language-server >/dev/null; then
  VIMRUNTIME=$("$NVIM" --clean --headless -c 'lua io.stdout:write(vim.env.VIMRUNTIME)' -c quitall)
  export VIMRUNTIME
  logs=$(mktemp -d)
  trap 'rm -rf "$logs"' EXIT
  lua-language-server --check . --checklevel=Warning --configpath "$PWD/.luarc.json" --logpath "$logs" >"$logs/said" 2>&1 \
    || { cat "$logs/said"; exit 1; }
  echo "lua: the types are right"
elif [ "${INFILL_REQUIRE_TYPES:-}" = 1 ]; then
  echo "lua: lua-language-server is not installed, so the types cannot be checked" >&2
  exit 1
else
  echo "lua: lua-language-server is not installed, so the types are not checked" >&2
fi

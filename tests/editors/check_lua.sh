#!/usr/bin/env bash
# Check the Neovim plugin's Lua: that it compiles, its names (luacheck) and its types (lua-language-server).
#
# usage: check_lua.sh [PREFIX]     PREFIX: where install_neovim.sh and install_luacheck.sh put their programs
#
# No package registry has lua-language-server: where it is not on the PATH nor in PREFIX/luals/bin, the types are not
# checked and this says so; with INFILL_REQUIRE_TYPES=1 that is a failure.
set -euo pipefail

PREFIX=${1:-${INFILL_EDITORS:-${XDG_CACHE_HOME:-$HOME/.cache}/infill-lsp/editors}}
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
NVIM=$PREFIX/nvim/usr/bin/nvim
LUACHECK=$PREFIX/luacheck/luacheck
PATH=$PATH:$PREFIX/luals/bin

for program in "$NVIM" "$LUACHECK"; do
  if [ ! -x "$program" ]; then
    echo "lua: there is no $program: run tests/editors/install_neovim.sh and install_luacheck.sh, or \`make test\`" >&2
    exit 1
  fi
done

cd "$ROOT/editors/neovim"
mapfile -t files < <(find . ../../tests/editors -name '*.lua' -not -path '*/node_modules/*')

"$NVIM" --clean -l /dev/stdin "${files[@]}" <<'LUA'
for _, file in ipairs(arg) do
  assert(loadfile(file))
end
LUA
echo "lua: ${#files[@]} files compile"

"$LUACHECK" --quiet --no-color --config .luacheckrc "${files[@]}"

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

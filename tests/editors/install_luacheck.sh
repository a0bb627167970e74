#!/usr/bin/env bash
# Install luacheck for the check of the Neovim plugin as PREFIX/luacheck/luacheck, leaving the system untouched.
#
# usage: install_luacheck.sh [PREFIX]     PREFIX: $INFILL_EDITORS, or infill-lsp/editors in the user's cache directory
#
# It is Debian's package lua-check, unpacked there, unless luacheck is on the PATH. A second run does nothing.
set -euo pipefail

PREFIX=${1:-${INFILL_EDITORS:-${XDG_CACHE_HOME:-$HOME/.cache}/infill-lsp/editors}}

fail() {
  echo "cannot install luacheck for the tests: $*" >&2
  exit 1
}

# shellcheck source=tests/editors/missing_packages.sh
source "$(dirname "$0")/missing_packages.sh"

runs() { # COMMAND
  "$1" --version >/dev/null 2>&1
}

unpack_luacheck() { # ROOT
  local root=$1 libraries
  unpack_packages "$root" lua-check
  libraries=$(uname -m)-linux-gnu
  cat >"$root/luacheck" <<LAUNCHER
#!/bin/sh
export LD_LIBRARY_PATH=$(library_path "$root")
export LUA_PATH='$root/usr/share/lua/5.1/?.lua;$root/usr/share/lua/5.1/?/init.lua;;'
export LUA_CPATH='$root/usr/lib/$libraries/lua/5.1/?.so;;'
PATH=\$PATH:$root/usr/bin
exec lua5.1 "$root/usr/bin/luacheck" "\$@"
LAUNCHER
  chmod +x "$root/luacheck"
}

mkdir -p "$PREFIX" || fail "$PREFIX cannot be written"
PREFIX=$(cd "$PREFIX" && pwd)
ROOT=$PREFIX/luacheck
if runs "$ROOT/luacheck"; then exit 0; fi
rm -rf "$ROOT"
mkdir -p "$ROOT"

if installed=$(command -v luacheck) && runs "$installed"; then
  ln -s "$installed" "$ROOT/luacheck"
  exit 0
fi
echo "installing luacheck into $ROOT ..."
staging=$(mktemp -d "$PREFIX/.fetch.XXXXXX")
trap 'rm -rf "$staging"' EXIT
unpack_luacheck "$ROOT"
runs "$ROOT/luacheck" || fail "the unpacked luacheck does not start: $("$ROOT/luacheck" --version 2>&1 | tail -n 1)"
"$ROOT/luacheck" --version | head -n 1

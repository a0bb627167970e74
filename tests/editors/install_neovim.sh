#!/usr/bin/env bash
# Install a real Neovim for the tests as PREFIX/nvim/usr/bin/nvim, leaving the system untouched.
#
# usage: install_neovim.sh [PREFIX]     PREFIX: $INFILL_EDITORS, or infill-lsp/editors in the user's cache directory
#
# Inline completion came with Neovim 0.12, newer than the packages of most Debian releases. Those of a newer release are
# unpacked under PREFIX, libc included. The binary itself is pointed at that libc: it is started by its own name, and finds
# its runtime files by its place. About 10 MB are fetched; a second run does nothing. PREFIX cannot be moved afterwards.
# Where a new enough Neovim is installed already, that one is taken.
set -euo pipefail
EDITOR_NAME=Neovim
# shellcheck source=tests/editors/newer_packages.sh
source "$(dirname "$0")/newer_packages.sh"

SUITE=${NVIM_SUITE:-forky}

is_new_enough() { # NVIM
  "$1" --clean --headless -c 'if !has("nvim-0.12") | cquit | endif' -c 'quitall' >/dev/null 2>&1
}

point_at_own_libc() { # ROOT
  local libraries loader
  libraries=$1/usr/lib/$(uname -m)-linux-gnu
  loader=$(echo "$libraries"/ld-linux-*.so.*)
  [ -x "$loader" ] || fail "the unpacked packages hold no dynamic loader in $libraries"
  "$loader" --library-path "$libraries" "$1/usr/bin/patchelf" \
    --set-interpreter "$loader" --force-rpath --set-rpath "$libraries" "$1/usr/bin/nvim"
}

choose_prefix "${1:-}"
ROOT=$PREFIX/nvim
if is_new_enough "$ROOT/usr/bin/nvim"; then exit 0; fi
rm -rf "$ROOT"

if installed=$(command -v nvim) && is_new_enough "$installed"; then
  mkdir -p "$ROOT/usr/bin"
  ln -s "$installed" "$ROOT/usr/bin/nvim"
  exit 0
fi
echo "installing Neovim into $ROOT ..."
unpack_newer_packages "$ROOT" "$SUITE" 'gcc-.*-base|libc-gconv-modules-extra' neovim patchelf
point_at_own_libc "$ROOT"
is_new_enough "$ROOT/usr/bin/nvim" || fail "Debian $SUITE has no Neovim 0.12 or newer that runs here"
"$ROOT/usr/bin/nvim" --version | head -n 1

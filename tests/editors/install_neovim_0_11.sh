#!/usr/bin/env bash
# Install a real Neovim 0.11 for the tests as PREFIX/nvim-0.11/nvim, leaving the system untouched.
#
# usage: install_neovim_0_11.sh [PREFIX]     PREFIX: $INFILL_EDITORS, or infill-lsp/editors in the user's cache directory
#
# No Debian release has Neovim 0.11, Ubuntu 26.04 has. Its packages are unpacked under PREFIX, libc included; UBUNTU_ARCHIVE
# names another archive than the official one. About 11 MB are fetched; a second run does nothing. PREFIX cannot be moved
# afterwards. Where the installed Neovim is 0.11, that one is taken.
set -euo pipefail
EDITOR_NAME='Neovim 0.11'
# shellcheck source=tests/editors/newer_packages.sh
source "$(dirname "$0")/newer_packages.sh"

SUITE=${NVIM_0_11_SUITE:-resolute}
# The Debian release whose package `ubuntu-keyring` verifies Ubuntu's archive.
KEYRING_SUITE=${NVIM_0_11_KEYRING_SUITE:-trixie}
UBUNTU_KEYRING=/usr/share/keyrings/ubuntu-archive-keyring.gpg

is_0_11() { # NVIM
  "$1" --clean --headless -c 'if !has("nvim-0.11") || has("nvim-0.12") | cquit | endif' -c 'quitall' >/dev/null 2>&1
}

choose_prefix "${1:-}"
ROOT=$PREFIX/nvim-0.11
if [ -f "$ROOT/.done" ]; then exit 0; fi

rm -rf "$ROOT"
mkdir -p "$ROOT"
if installed=$(command -v nvim) && is_0_11 "$installed"; then
  ln -s "$installed" "$ROOT/nvim"
  touch "$ROOT/.done"
  exit 0
fi
echo "installing Neovim 0.11 into $ROOT ..."
if [ ! -f "$UBUNTU_KEYRING" ]; then
  unpack_newer_packages "$ROOT/keyring" "$KEYRING_SUITE" '' ubuntu-keyring
  UBUNTU_KEYRING=$ROOT/keyring$UBUNTU_KEYRING
fi
DISTRIBUTION=Ubuntu
KEYRING=$UBUNTU_KEYRING
COMPONENTS='main universe'
ARCHIVE=${UBUNTU_ARCHIVE:-http://archive.ubuntu.com/ubuntu/}
unpack_newer_packages "$ROOT/packages" "$SUITE" 'gcc-.*-base|libc-gconv-modules-extra' neovim
write_starter "$ROOT/nvim" "$ROOT/packages" "$ROOT/packages/usr/bin/nvim" \
  "VIMRUNTIME='$ROOT/packages/usr/share/nvim/runtime'"
is_0_11 "$ROOT/nvim" || fail "Ubuntu $SUITE has no Neovim 0.11 that runs here"
touch "$ROOT/.done"
"$ROOT/nvim" --version | head -n 1

#!/usr/bin/env bash
# Install a real Neovim for the tests as PREFIX/nvim/usr/bin/nvim, leaving the system untouched.
#
# usage: install_neovim.sh [PREFIX]     PREFIX: $INFILL_EDITORS, or infill-lsp/editors in the user's cache directory
#
# Inline completion came with Neovim 0.12, newer than the packages of most Debian releases, and newer packages want a
# newer libc than the system has. So the packages of a newer release, libc included, are unpacked under PREFIX with an apt
# configuration of their own, and the binary is pointed at that libc. About 10 MB are fetched; a second run does nothing.
# PREFIX cannot be moved afterwards. Where a new enough Neovim is installed already, that one is taken.
set -euo pipefail

PREFIX=${1:-${INFILL_EDITORS:-${XDG_CACHE_HOME:-$HOME/.cache}/infill-lsp/editors}}
SUITE=${NVIM_SUITE:-forky}
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

fail() {
  echo "cannot install Neovim for the tests: $*" >&2
  exit 1
}

is_new_enough() { # NVIM
  "$1" --clean --headless -c 'if !has("nvim-0.12") | cquit | endif' -c 'quitall' >/dev/null 2>&1
}

configured_mirror() { # The Debian mirror that this machine already uses.
  apt-get indextargets --no-release-info --format '$(REPO_URI)' 'Identifier: Packages' 2>/dev/null | grep -m1 '/debian/$' || true
}

write_apt_configuration() { # DIRECTORY MIRROR
  mkdir -p "$1"/{lists/partial,cache/archives/partial,packages,none}
  echo "deb [signed-by=$KEYRING] $2 $SUITE main" >"$1/sources.list"
  cat >"$1/apt.conf" <<CONFIGURATION
Dir::Etc::sourcelist "$1/sources.list";
Dir::Etc::sourceparts "$1/none";
Dir::Etc::preferencesparts "$1/none";
Dir::State::lists "$1/lists";
Dir::Cache "$1/cache";
APT::Sandbox::User "root";
Acquire::Retries "3";
Acquire::Languages "none";
APT::Update::Error-Mode "any";
CONFIGURATION
}

fetch_packages() { # DIRECTORY
  export APT_CONFIG=$1/apt.conf
  apt-get update -qq >"$1/log" 2>&1 || fail "the package list of Debian $SUITE cannot be read ($(head -n 1 "$1/log"))"
  local names
  names=$(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
    --no-enhances neovim patchelf | grep '^[a-z0-9]' | grep -v -E '^(gcc-.*-base|libc-gconv-modules-extra)$' | sort -u)
  # The names are split on purpose, one argument each.
  # shellcheck disable=SC2086
  (cd "$1/packages" && apt-get download -qq $names >"$1/log" 2>&1) || fail "a package cannot be fetched ($(tail -n 1 "$1/log"))"
}

point_at_own_libc() { # ROOT
  local libraries loader
  libraries=$1/usr/lib/$(uname -m)-linux-gnu
  loader=$(echo "$libraries"/ld-linux-*.so.*)
  [ -x "$loader" ] || fail "the unpacked packages hold no dynamic loader in $libraries"
  "$loader" --library-path "$libraries" "$1/usr/bin/patchelf" \
    --set-interpreter "$loader" --force-rpath --set-rpath "$libraries" "$1/usr/bin/nvim"
}

mkdir -p "$PREFIX" || fail "$PREFIX cannot be written"
PREFIX=$(cd "$PREFIX" && pwd)
ROOT=$PREFIX/nvim
if is_new_enough "$ROOT/usr/bin/nvim"; then exit 0; fi
rm -rf "$ROOT"

if installed=$(command -v nvim) && is_new_enough "$installed"; then
  mkdir -p "$ROOT/usr/bin"
  ln -s "$installed" "$ROOT/usr/bin/nvim"
  exit 0
fi
for program in apt-get apt-cache dpkg; do
  command -v $program >/dev/null || fail "there is no $program here; install Neovim 0.12 or newer and run this again"
done
[ -f "$KEYRING" ] || fail "$KEYRING is missing; install Neovim 0.12 or newer and run this again"
mirror=$(configured_mirror)
[ -n "$mirror" ] || fail "no Debian mirror is configured here; install Neovim 0.12 or newer and run this again"

echo "installing Neovim into $ROOT ..."
staging=$(mktemp -d "$PREFIX/.fetch.XXXXXX")
trap 'rm -rf "$staging"' EXIT
write_apt_configuration "$staging" "$mirror"
fetch_packages "$staging"
mkdir -p "$ROOT"
for package in "$staging"/packages/*.deb; do dpkg -x "$package" "$ROOT" || fail "$(basename "$package") cannot be unpacked"; done
point_at_own_libc "$ROOT"
is_new_enough "$ROOT/usr/bin/nvim" || fail "Debian $SUITE has no Neovim 0.12 or newer that runs here"
"$ROOT/usr/bin/nvim" --version | head -n 1

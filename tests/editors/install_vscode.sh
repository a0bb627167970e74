#!/usr/bin/env bash
# Install a real VS Code, and a Chromium to look at it, for the tests, leaving the system untouched:
#   PREFIX/vscode/node              the Node that this VS Code needs
#   PREFIX/vscode/server-main.js    VS Code's own server, as the npm package code-server ships it
#   PREFIX/chromium/chromium        starts Chromium: the installed one, or Debian's packages unpacked there
#
# usage: install_vscode.sh [PREFIX]     PREFIX: $INFILL_EDITORS, or infill-lsp/editors in the user's cache directory
#
# About 250 MB are fetched and 1.2 GB are taken; a second run does nothing. PREFIX cannot be moved afterwards.
set -euo pipefail

PREFIX=${1:-${INFILL_EDITORS:-${XDG_CACHE_HOME:-$HOME/.cache}/infill-lsp/editors}}
NODE_VERSION=24.21.0
CODE_SERVER_VERSION=4.139.1

fail() {
  echo "cannot install VS Code for the tests: $*" >&2
  exit 1
}

npm_install() { # ARGUMENTS...
  # Nothing is compiled: the native modules without a binary are for signing in and for log files.
  npm install --no-audit --no-fund --no-update-notifier --ignore-scripts --loglevel=error "$@" >"$staging/npm.log" 2>&1 ||
    fail "npm: $(tail -n 1 "$staging/npm.log")"
}

install_vscode() {
  local root=$PREFIX/vscode version=$CODE_SERVER_VERSION-$NODE_VERSION
  if [ "$(cat "$root/.version" 2>/dev/null)" = "$version" ]; then return; fi
  command -v npm >/dev/null || fail "there is no npm here; install Node.js 20 or newer"
  echo "installing VS Code into $root ..."
  rm -rf "$root"
  mkdir -p "$root"
  cd "$root"
  echo '{"private": true}' >package.json
  npm_install "node-linux-$(node -p process.arch)@$NODE_VERSION" "code-server@$CODE_SERVER_VERSION"
  ln -s node_modules/node-linux-*/bin/node node
  # The inner packages ask for this Node, which is newer than that of most systems.
  (
    export PATH=$root/node_modules/node-linux-$(node -p process.arch)/bin:$PATH
    cd node_modules/code-server/lib/vscode
    npm_install --omit=dev
  )
  ln -s node_modules/code-server/lib/vscode/out/server-main.js server-main.js
  ./node server-main.js --version >"$staging/version" 2>&1 || fail "it does not start: $(tail -n 1 "$staging/version")"
  echo "$version" >.version
  echo "VS Code $(head -n 1 "$staging/version")"
}

is_chromium() { # COMMAND
  "$1" --headless --no-sandbox --version >/dev/null 2>&1
}

configure_apt() { # DIRECTORY: package lists and a cache of our own; which packages are installed is the system's.
  mkdir -p "$1"/{lists/partial,cache/archives/partial,packages}
  cat >"$1/apt.conf" <<CONFIGURATION
Dir::State::lists "$1/lists";
Dir::Cache "$1/cache";
APT::Sandbox::User "root";
APT::Install-Recommends "false";
Acquire::Retries "3";
Acquire::Languages "none";
CONFIGURATION
  export APT_CONFIG=$1/apt.conf
}

unpack_chromium() { # ROOT
  local root=$1 apt=$staging/apt names
  for program in apt-get dpkg; do
    command -v $program >/dev/null || fail "there is no $program here; install Chromium and run this again"
  done
  configure_apt "$apt"
  apt-get update -qq >"$apt/log" 2>&1 || fail "the package lists cannot be read ($(tail -n 1 "$apt/log"))"
  # Chromium, a font, and what of all they depend on is not installed.
  names=$(apt-get install --simulate -qq chromium fonts-dejavu-core 2>"$apt/log" | awk '/^Inst / {print $2}' || true)
  [ -n "$names" ] || fail "there is no package chromium here ($(tail -n 1 "$apt/log")); install Chromium and run this again"
  # The names are split on purpose, one argument each.
  # shellcheck disable=SC2086
  (cd "$apt/packages" && apt-get download -qq $names >"$apt/log" 2>&1) ||
    fail "a package cannot be fetched ($(tail -n 1 "$apt/log"))"
  for package in "$apt"/packages/*.deb; do dpkg -x "$package" "$root" || fail "$(basename "$package") cannot be unpacked"; done
  cat >"$root/fonts.conf" <<FONTS
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>$root/usr/share/fonts</dir><dir>/usr/share/fonts</dir><cachedir>$root/fonts-cache</cachedir></fontconfig>
FONTS
  cat >"$root/chromium" <<LAUNCHER
#!/bin/sh
export LD_LIBRARY_PATH=$root/usr/lib/$(uname -m)-linux-gnu:$root/lib/$(uname -m)-linux-gnu
export FONTCONFIG_FILE=$root/fonts.conf
exec "$root/usr/lib/chromium/chromium" "\$@"
LAUNCHER
  chmod +x "$root/chromium"
}

install_chromium() {
  local root=$PREFIX/chromium installed
  if is_chromium "$root/chromium"; then return; fi
  rm -rf "$root"
  mkdir -p "$root"
  for name in chromium chromium-browser google-chrome; do
    if installed=$(command -v $name) && is_chromium "$installed"; then
      ln -s "$installed" "$root/chromium"
      return
    fi
  done
  echo "installing Chromium into $root ..."
  unpack_chromium "$root"
  is_chromium "$root/chromium" || fail "the unpacked Chromium does not start: $("$root/chromium" --version 2>&1 | tail -n 1)"
  "$root/chromium" --version
}

mkdir -p "$PREFIX" || fail "$PREFIX cannot be written"
PREFIX=$(cd "$PREFIX" && pwd)
staging=$(mktemp -d "$PREFIX/.fetch.XXXXXX")
trap 'rm -rf "$staging"' EXIT
install_vscode
install_chromium

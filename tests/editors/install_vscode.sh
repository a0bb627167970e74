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

# shellcheck source=tests/editors/missing_packages.sh
source "$(dirname "$0")/missing_packages.sh"

check_node() {
  local program
  for program in node npm; do
    command -v $program >/dev/null || fail "there is no $program here; install Node.js 20 or newer, with npm"
  done
  node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || fail "Node.js is $(node --version); install 20 or newer"
}

npm_install() { # ARGUMENTS...
  # Nothing is compiled: the native modules without a binary are for signing in and for log files.
  npm install --no-audit --no-fund --no-update-notifier --ignore-scripts --loglevel=error "$@" >"$staging/npm.log" 2>&1 ||
    fail "$(why_npm_failed)"
}

why_npm_failed() {
  grep '^npm error' "$staging/npm.log" | grep -v 'complete log' | cut -c 1-200 | head -n 4 | paste -s -d ' ' - || true
  if grep -q 'CERT' "$staging/npm.log"; then
    echo "(behind a proxy with a certificate of its own, npm must know it: npm's cafile, or NODE_EXTRA_CA_CERTS)"
  fi
}

install_vscode() {
  local root=$PREFIX/vscode version=$CODE_SERVER_VERSION-$NODE_VERSION
  if [ "$(cat "$root/.version" 2>/dev/null)" = "$version" ]; then return; fi
  echo "installing VS Code into $root ..."
  rm -rf "$root"
  mkdir -p "$root"
  cd "$root"
  echo '{"private": true}' >package.json
  npm_install "node-linux-$(node -p process.arch)@$NODE_VERSION" "code-server@$CODE_SERVER_VERSION"
  ln -s node_modules/node-linux-*/bin/node node
  # The inner packages ask for this Node, which is newer than that of most systems.
  (
    # An npm looks for the system's settings beside its Node, and this Node has certificates of its own.
    npm_config_globalconfig=$(npm config get globalconfig)
    export npm_config_globalconfig
    PATH=$root/node_modules/node-linux-$(node -p process.arch)/bin:$PATH
    export PATH NODE_OPTIONS="${NODE_OPTIONS:-} --use-system-ca"  # Not before: an older Node refuses to start with it.
    cd node_modules/code-server/lib/vscode
    npm_install --omit=dev
  )
  ln -s node_modules/code-server/lib/vscode/out/server-main.js server-main.js
  ./node server-main.js --server-data-dir "$staging/data" --version >"$staging/version" 2>&1 ||
    fail "it does not start: $(tail -n 1 "$staging/version")"
  echo "$version" >.version
  echo "VS Code $(head -n 1 "$staging/version")"
}

is_chromium() { # COMMAND
  HOME=$staging "$1" --headless --no-sandbox --version >/dev/null 2>&1
}

unpack_chromium() { # ROOT
  local root=$1
  unpack_packages "$root" chromium fonts-dejavu-core
  cat >"$root/fonts.conf" <<FONTS
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>$root/usr/share/fonts</dir><dir>/usr/share/fonts</dir><cachedir>$root/fonts-cache</cachedir></fontconfig>
FONTS
  cat >"$root/chromium" <<LAUNCHER
#!/bin/sh
export LD_LIBRARY_PATH=$(library_path "$root")
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
check_node
install_vscode
install_chromium

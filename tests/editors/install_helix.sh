#!/usr/bin/env bash
# Install a real Helix for the tests as PREFIX/helix/hx, leaving the system untouched.
#
# usage: install_helix.sh [PREFIX]     PREFIX: $INFILL_EDITORS, or infill-lsp/editors in the user's cache directory
#
# The packages of a newer Debian release are unpacked under PREFIX, libc included. About 10 MB are fetched; a second run
# does nothing. PREFIX cannot be moved afterwards.
set -euo pipefail
EDITOR_NAME=Helix
# shellcheck source=tests/editors/newer_packages.sh
source "$(dirname "$0")/newer_packages.sh"

SUITE=${HELIX_SUITE:-forky}

choose_prefix "${1:-}"
ROOT=$PREFIX/helix
if [ -f "$ROOT/.done" ]; then exit 0; fi

echo "installing Helix into $ROOT ..."
unpack_newer_packages "$ROOT" "$SUITE" 'gcc-.*-base|libc-gconv-modules-extra' hx
write_starter "$ROOT/hx" "$ROOT" "$ROOT/usr/lib/hx/hx" "HELIX_RUNTIME='$ROOT/usr/lib/hx/runtime'"
"$ROOT/hx" --version >/dev/null 2>&1 || fail "Debian $SUITE has no Helix that runs here"
touch "$ROOT/.done"
"$ROOT/hx" --version

#!/usr/bin/env bash
# Install a real Emacs with lsp-mode for the tests as PREFIX/emacs/emacs, leaving the system untouched.
#
# usage: install_emacs.sh [PREFIX]     PREFIX: $INFILL_EDITORS, or infill-lsp/editors in the user's cache directory
#
# Inline completion came with lsp-mode 10, which only newer Debian releases have. About 60 MB are fetched; a second run does
# nothing. PREFIX cannot be moved afterwards.
set -euo pipefail
EDITOR_NAME=Emacs
# shellcheck source=tests/editors/newer_packages.sh
source "$(dirname "$0")/newer_packages.sh"

SUITE=${EMACS_SUITE:-forky}
# Sources, what belongs to a system, and the compiler that Emacs could compile Lisp with.
LEFT_OUT='emacs-el|emacs|emacs-(gtk|lucid|pgtk).*|emacsen-common|install-info|dh-elpa-helper|libasound2-data|gcc-.*-base'
LEFT_OUT+='|libc-gconv-modules-extra|binutils.*|linux-libc-dev|lib(c6|gcc-[0-9]+)-dev|libc-dev-bin'
LEFT_OUT+='|lib([a-z]+san|atomic|binutils|ctf|ctf-nobfd|gomp|gprofng|itm|quadmath|sframe)[0-9]+'

choose_prefix "${1:-}"
ROOT=$PREFIX/emacs
if [ -f "$ROOT/.done" ]; then exit 0; fi

echo "installing Emacs and lsp-mode into $ROOT ..."
unpack_newer_packages "$ROOT" "$SUITE" "$LEFT_OUT" emacs-nox elpa-lsp-mode
lisp=$(echo "$ROOT"/usr/share/emacs/[0-9]*/lisp)
programs=$(echo "$ROOT"/usr/libexec/emacs/*/*/)
# There is no compiler for native code where it would be looked for.
lisp_only='(setq native-comp-jit-compilation nil native-comp-enable-subr-trampolines nil)'
write_starter "$ROOT/emacs" "$ROOT" "$ROOT/usr/bin/emacs-nox" \
  "EMACSDATA='${lisp%/lisp}/etc' EMACSDOC='${lisp%/lisp}/etc' EMACSPATH='$programs' EMACSLOADPATH='$lisp'" \
  "--dump-file='$(echo "$programs"emacs-*.pdmp)' --eval='$lisp_only'"

# lsp-mode and what it needs, as package.el has them once they are installed: compiled.
packages=$(echo "$ROOT"/usr/share/emacs/site-lisp/elpa-src/*/)
folders=
for package in $packages; do folders+=" -L $package"; done
# The names are split on purpose, one argument each.
# shellcheck disable=SC2086
"$ROOT/emacs" -Q --batch $folders --eval '(setq byte-compile-warnings nil)' \
  -f batch-byte-compile "$ROOT"/usr/share/emacs/site-lisp/elpa-src/{dash,f,ht,lv,markdown-mode,s,spinner}-*/*.el \
  "$ROOT"/usr/share/emacs/site-lisp/elpa-src/lsp-mode-*/lsp-{protocol,mode,inline-completion}.el \
  "$ROOT"/usr/share/emacs/site-lisp/elpa-src/lsp-mode-*/lsp-{completion,diagnostics,headerline,icons,lens,modeline}.el \
  >"$ROOT/compile.log" 2>&1 || fail "lsp-mode cannot be compiled (see $ROOT/compile.log)"
# shellcheck disable=SC2086
"$ROOT/emacs" -Q --batch $folders --eval "(require 'lsp-inline-completion)" >/dev/null 2>&1 \
  || fail "Debian $SUITE has no Emacs with lsp-mode 10 or newer that runs here"
touch "$ROOT/.done"
"$ROOT/emacs" --version | head -n 1

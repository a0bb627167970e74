# Unpacks packages of a newer release, libc included, under a folder of one's own, leaving the system untouched.
# To be sourced by a script that says what it installs in EDITOR_NAME; it knows no editor.

# Where the packages come from. A script that wants another distribution's says so after it has sourced this.
DISTRIBUTION=Debian
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
COMPONENTS=main
ARCHIVE= # Nothing: the Debian mirror that this machine already uses.

fail() {
  echo "cannot install $EDITOR_NAME for the tests: $*" >&2
  exit 1
}

choose_prefix() { # [PREFIX]: sets PREFIX to a whole path
  PREFIX=${1:-${INFILL_EDITORS:-${XDG_CACHE_HOME:-$HOME/.cache}/infill-lsp/editors}}
  mkdir -p "$PREFIX" || fail "$PREFIX cannot be written"
  PREFIX=$(cd "$PREFIX" && pwd)
}

configured_mirror() {
  apt-get indextargets --no-release-info --format '$(REPO_URI)' 'Identifier: Packages' 2>/dev/null | grep -m1 '/debian/$' || true
}

write_apt_configuration() { # DIRECTORY MIRROR SUITE
  mkdir -p "$1"/{lists/partial,cache/archives/partial,packages,none}
  echo "deb [signed-by=$KEYRING] $2 $3 $COMPONENTS" >"$1/sources.list"
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

unpack_newer_packages() { # ROOT SUITE LEFT_OUT PACKAGE...     LEFT_OUT: a regular expression of names that are not needed
  local root=$1 suite=$2 left_out=$3 program mirror staging names package
  shift 3
  for program in apt-get apt-cache dpkg; do
    command -v $program >/dev/null || fail "there is no $program here"
  done
  [ -f "$KEYRING" ] || fail "$KEYRING is missing"
  mirror=${ARCHIVE:-$(configured_mirror)}
  [ -n "$mirror" ] || fail "no Debian mirror is configured here"
  rm -rf "$root"
  mkdir -p "$root"
  staging=$(mktemp -d "$PREFIX/.fetch.XXXXXX")
  # The folder is known now and not when the script ends.
  # shellcheck disable=SC2064
  trap "rm -rf '$staging'" EXIT
  write_apt_configuration "$staging" "$mirror" "$suite"
  export APT_CONFIG=$staging/apt.conf
  apt-get update -qq >"$staging/log" 2>&1 || fail "the package list of $DISTRIBUTION $suite cannot be read ($(head -n 1 "$staging/log"))"
  names=$(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
    --no-enhances "$@" | grep '^[a-z0-9]' | grep -v -E -x "$left_out" | sort -u) || fail "$DISTRIBUTION $suite has no package $*"
  # The names are split on purpose, one argument each.
  # shellcheck disable=SC2086
  (cd "$staging/packages" && apt-get download -qq $names >"$staging/log" 2>&1) \
    || fail "a package cannot be fetched ($(tail -n 1 "$staging/log"))"
  for package in "$staging"/packages/*.deb; do
    dpkg -x "$package" "$root" || fail "$(basename "$package") cannot be unpacked"
  done
  rm -rf "$staging"
  unset APT_CONFIG
}

write_starter() { # FILE ROOT PROGRAM [VARIABLES] [ARGUMENTS]: starts a program of ROOT with the libc that stands there
  local libraries loader
  libraries=$2/usr/lib/$(uname -m)-linux-gnu
  loader=$(echo "$libraries"/ld-linux-*.so.*)
  [ -x "$loader" ] || fail "the unpacked packages hold no dynamic loader in $libraries"
  cat >"$1" <<STARTER
#!/bin/sh
${4:+export $4}
exec "$loader" --library-path "$libraries" --argv0 "$3" "$3" ${5:-} "\$@"
STARTER
  chmod +x "$1"
}

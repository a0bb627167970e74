# Unpacks packages of the distribution, with all that they depend on and the system lacks, under a folder of one's own.
# To be sourced by a script that has `fail` and a folder `staging`; it knows no editor.

is_installable() { # PACKAGE
  apt-cache show --quiet=2 "$1" >/dev/null 2>&1
}

unpack_packages() { # ROOT PACKAGE...
  local root=$1 apt=$staging/apt names program package
  shift
  for program in apt-get apt-cache dpkg; do
    command -v $program >/dev/null || fail "there is no $program here; install $1 and run this again"
  done
  # Package lists and a cache of our own; which packages are installed is the system's.
  mkdir -p "$apt"/{lists/partial,cache/archives/partial,packages}
  cat >"$apt/apt.conf" <<CONFIGURATION
Dir::State::lists "$apt/lists";
Dir::Cache "$apt/cache";
APT::Sandbox::User "root";
APT::Install-Recommends "false";
Acquire::Retries "3";
Acquire::Languages "none";
CONFIGURATION
  export APT_CONFIG=$apt/apt.conf
  apt-get update -qq >"$apt/log" 2>&1 || fail "the package lists cannot be read ($(tail -n 1 "$apt/log"))"
  for package in "$@"; do
    is_installable "$package" || fail "there is no package $package here; install $1 some other way and run this again"
  done
  names=$(apt-get install --simulate -qq "$@" 2>"$apt/log" | awk '/^Inst / {print $2}' || true)
  [ -n "$names" ] || fail "$1 is installed and does not start, or cannot be installed: $(tail -n 1 "$apt/log")"
  # The names are split on purpose, one argument each.
  # shellcheck disable=SC2086
  (cd "$apt/packages" && apt-get download -qq $names >"$apt/log" 2>&1) ||
    fail "a package cannot be fetched ($(tail -n 1 "$apt/log"))"
  for package in "$apt"/packages/*.deb; do
    dpkg -x "$package" "$root" || fail "$(basename "$package") cannot be unpacked"
  done
  rm -rf "$apt"
  unset APT_CONFIG
}

library_path() { # ROOT
  local libraries
  libraries=$(uname -m)-linux-gnu
  echo "$1/usr/lib/$libraries:$1/lib/$libraries"
}

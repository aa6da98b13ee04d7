# shellcheck shell=bash disable=SC2034  # read by the scripts that source this file
# Sourced by every script in this directory: messages, where things are, which Postgres, which user.

set -euo pipefail
# Private Postgres trees are read by the user postgres when the caller is root.
umask 022

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
SCRIPTS=$ROOT/scripts
TARGET=${CARGO_TARGET_DIR:-$ROOT/target}
[[ $TARGET == /* ]] || TARGET=$PWD/$TARGET
export CARGO_TARGET_DIR=$TARGET
cd "$ROOT"

# What a login shell would have, and tools that `prerequisites test` keeps beside the build.
find_tools() {
    local directory
    for directory in "${CARGO_HOME:-${HOME:-/root}/.cargo}/bin" "$TARGET/tools/bin" "$TARGET/tools/node/node_modules/.bin"; do
        if [[ -d $directory && :$PATH: != *:$directory:* ]]; then PATH=$directory:$PATH; fi
    done
    export PATH
    hash -r
}
find_tools

PGRX_VERSION=0.18.1
# The majors the extension is built for, newest first.
PG_MAJORS=(18 17 16 15 14)

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
    BOLD=$'\e[1m' DIM=$'\e[2m' GREEN=$'\e[32m' RED=$'\e[31m' CYAN=$'\e[36m' PLAIN=$'\e[0m'
else
    BOLD='' DIM='' GREEN='' RED='' CYAN='' PLAIN=''
fi

say() { printf '%s\n' "$*"; }
head_line() { printf '\n%s== %s%s\n' "$BOLD" "$*" "$PLAIN"; }
warn() { printf '%s\n' "warning: $*" >&2; }
die() {
    printf '%s\n' "error: $*" >&2
    exit 1
}

is_root() { [[ $(id -u) -eq 0 ]]; }

# The one version of the workspace.
crier_version() { sed -n '/^\[workspace\.package\]/,/^\[/s/^version *= *"\(.*\)"/\1/p' "$ROOT/Cargo.toml"; }

# `15` for `PostgreSQL 15.20 (Debian …)`.
pg_major() { "$1" --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/'; }

# The pg_config to build against and to copy from: $PG_CONFIG, else the newest installed major that has server
# and headers. Answers with the binary in the server's own bin directory, because cargo rebuilds the bindings
# whenever this path is spelled differently.
find_pg_config() {
    local config major
    if [[ -n ${PG_CONFIG:-} ]]; then
        config=$(command -v "$PG_CONFIG") || { warn "PG_CONFIG=$PG_CONFIG can't be run" && return 1; }
        major=$(pg_major "$config")
        [[ " ${PG_MAJORS[*]} " == *" $major "* ]] || { warn "$config is Postgres $major; 14 to 18 are supported" && return 1; }
        local beside
        beside=$("$config" --bindir)/pg_config
        [[ -x $beside && $(pg_major "$beside") == "$major" ]] && config=$beside
        printf '%s\n' "$config"
        return
    fi
    for major in "${PG_MAJORS[@]}"; do
        config=/usr/lib/postgresql/$major/bin/pg_config
        if [[ -x $config && -x ${config%/*}/postgres && -f $("$config" --includedir-server)/postgres.h ]]; then
            printf '%s\n' "$config"
            return
        fi
    done
    return 1
}

need_pg_config() {
    find_pg_config && return
    [[ -z ${PG_CONFIG:-} ]] || exit 1 # it was said why
    die "no Postgres with server headers found: run scripts/prerequisites build, or set PG_CONFIG"
}

# Runs a Postgres program: never as root, and never with RUST_BACKTRACE, which would put backtraces into the
# DETAIL of every error that passes through the extension.
as_postgres() {
    if is_root; then
        env -u RUST_BACKTRACE runuser -u postgres -- "$@"
    else
        env -u RUST_BACKTRACE "$@"
    fi
}

# Hands a path to the user that as_postgres runs as.
give_to_postgres() { if is_root; then chown postgres: "$@"; fi; }

# The private installation that cargo-pgrx tests are installed into, kept from run to run because its path is
# part of cargo's fingerprint. It is beside the build, or under /var/tmp if postgres can't enter the checkout.
dev_postgres_path() {
    local tree=$TARGET/postgres
    if is_root && [[ -d $TARGET ]] && ! as_postgres test -x "$TARGET" 2>/dev/null; then
        tree=/var/tmp/crier-postgres-$(printf '%s' "$ROOT" | cksum | cut -d ' ' -f 1)
        [[ ! -e $tree || (-O $tree && ! -L $tree) ]] || die "$tree belongs to somebody else: remove it"
    fi
    printf '%s\n' "$tree"
}
dev_postgres() {
    mkdir -p "$TARGET"
    "$SCRIPTS/private-postgres" "$(dev_postgres_path)"
}

# `1:05` for 65 seconds.
minutes() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

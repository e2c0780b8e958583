# shellcheck shell=bash
# What the scripts of this directory share. To be sourced; bash, `set -euo pipefail`.

# The project, and the one directory outside of the repository that all of this writes to.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
work=$root/target/cross
# shellcheck disable=SC2034 # for whoever sources this
targets=$root/cross/targets

export PATH=$PATH:/usr/sbin:/sbin
# Messages of programs are read, and file lists sorted, the same way everywhere.
export LC_ALL=C

# The last word of a script that cannot go on: one line that says what to do.
die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# need PROGRAM HINT: a program that has to be there.
need() {
    command -v "$1" >/dev/null 2>&1 || die "$1 is missing: $2"
}

# Runs a command silently; where it fails, one line says what that means and where to read more.
#   quietly REASON COMMAND [ARGUMENT...]
quietly() {
    local reason=$1 log=$work/last.log
    shift
    "$@" >"$log" 2>&1 || die "$reason (what it said: target/cross/last.log)"
}

# field ARCH COLUMN: a word of the table. Columns count from one.
field() {
    awk -v arch="$1" -v column="$2" '$1 == arch { print $column }' "$targets"
}

# All of the table's architectures, one a line.
architectures() {
    awk '!/^#/ && NF { print $1 }' "$targets"
}

# Ends with the list of what there is, unless the table has this architecture.
known() {
    [ -n "$(field "$1" 1)" ] || die "unknown target '$1', known are: $(architectures | tr '\n' ' ')"
}

# The version in Cargo.toml, which is in the name of each file in dist/.
version() {
    sed -n 's/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml" | head -n 1
}

# Where the program for an architecture comes to lie.
artefact() {
    echo "$root/dist/portsentry-$(version)-$1"
}

# One at a time: two builds would download into the same files.
alone() {
    mkdir -p "$work"
    exec 9>"$work/lock"
    flock -n 9 || { echo "waiting for another build in $work" >&2; flock 9; }
}

# The tests that every program passes, emulated or not: a scan seen in each mode, bans in iptables and their end,
# start, reload, stop, and what the daemon asks the kernel about its surroundings.
# Names match in their midst: packages::life:: is not meant, whose root directory has neither the emulator nor a
# program's libraries; nor what strace looks at, which would see the emulator.
# shellcheck disable=SC2034 # for whoever sources this
everywhere=(probes:: blocking:: life:: stop:: surroundings:: background:: privileges::
    --skip packages:: --skip traced:: --skip flood::)

# network_tests PROGRAM TEST...: tests of tests/it with that program. A test that has to be skipped fails.
network_tests() {
    local program=$1
    shift
    (cd "$root" && CARGO_TERM_QUIET=true cargo test --locked --no-run &&
        PORTSENTRY_BIN=$program CI=true \
            tests/apart cargo test --locked --offline --quiet --test it -- "$@")
}

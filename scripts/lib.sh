# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# Shared by scripts/run and scripts/test: packages, progress, where builds go. Sourced, not run.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cd "$ROOT" || exit 1

# Builds lie in the checkout; in a home of one's own when that belongs to somebody else.
BUILDS=$ROOT/build
usable() {
    mkdir -p "$1/logs" 2>/dev/null && [ -w "$1" ] && [ -w "$1/logs" ] && { [ ! -e "$1/release" ] || [ -w "$1/release" ]; }
}
if ! usable "$BUILDS"; then
    BUILDS=${XDG_CACHE_HOME:-$HOME/.cache}/isthmus-build$(printf '%s' "$ROOT" | tr / -)
    mkdir -p "$BUILDS/logs"
fi

say() { printf 'isthmus: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# progress LOG WHAT COMMAND...: runs quietly (and silently when it takes less than a second), shows that it is alive, shows the log's end when it fails.
progress() {
    local log=$1 what=$2 started=$SECONDS shown=-1 job code line
    shift 2
    "$@" >"$log" 2>&1 </dev/null &
    job=$!
    # A background job of a script ignores SIGINT: pass it on by hand.
    trap 'kill "$job" 2>/dev/null; wait "$job" 2>/dev/null; exit 130' INT TERM HUP
    while kill -0 "$job" 2>/dev/null; do
        sleep 0.1
        [ "$SECONDS" -gt "$started" ] || continue # what is over at once needs no word
        [ "$shown" -ge 0 ] || { say "$what"; shown=0; }
        if [ -t 2 ]; then
            line=$(tail -n 1 "$log" 2>/dev/null | tr -cd '[:print:]' | cut -c 1-70)
            printf '\r\033[K  %3d s  %s' $((SECONDS - started)) "$line" >&2
        elif [ $((SECONDS - started - shown)) -ge 30 ]; then
            shown=$((SECONDS - started))
            say "  still at it after $shown s"
        fi
    done
    code=0
    wait "$job" || code=$?
    trap - INT TERM HUP
    [ -t 2 ] && printf '\r\033[K' >&2
    if [ "$code" -ne 0 ]; then
        tail -n 30 "$log" >&2
        say "$what: failed (the whole log: $log)"
    fi
    return "$code"
}

packages() {
    local list
    for list in "$@"; do
        sed 's/#.*//' "$ROOT/scripts/packages/$list"
    done | tr -s ' \t\n' '\n' | sed '/^$/d' | sort -u
}

missing_packages() {
    comm -23 - <(dpkg-query -W -f '${Package}\t${db:Status-Status}\n' 2>/dev/null | awk '$2 == "installed" {print $1}' | sort -u)
}

# install_packages LIST...: what is missing of the lists in scripts/packages, and nothing else.
install_packages() {
    local missing sudo=()
    mapfile -t missing < <(packages "$@" | missing_packages)
    case " $* " in
    # Any node will do: another source's nodejs must not be fought with Debian's npm.
    *' test '*) command -v node >/dev/null && command -v npm >/dev/null || missing+=(nodejs npm) ;;
    esac
    [ "${#missing[@]}" -eq 0 ] && return 0
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "these packages are missing and there is no sudo; as root: apt-get install ${missing[*]}"
        sudo=(sudo)
        sudo -v || fail "sudo is needed to install: ${missing[*]}"
    fi
    progress "$BUILDS/logs/apt-update.log" "reading the package lists" \
        "${sudo[@]}" apt-get -q -o DPkg::Lock::Timeout=600 update || return 1
    progress "$BUILDS/logs/apt-install.log" "installing ${#missing[@]} packages" \
        "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 install --no-install-recommends "${missing[@]}"
}

# build PRESET [TARGET...]
build() {
    local preset=$1 dir=$BUILDS/$1
    shift
    if [ ! -f "$dir/build.ninja" ]; then
        progress "$BUILDS/logs/configure-$preset.log" "configuring $preset" cmake --preset "$preset" -B "$dir" || return 1
    fi
    progress "$BUILDS/logs/build-$preset.log" "building $preset" ninja -C "$dir" "$@"
}

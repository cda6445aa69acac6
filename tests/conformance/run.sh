#!/usr/bin/env bash
# run.sh [unit ...]: files of Redis's own test suite against our server.
#
# Without arguments it runs the files that files.txt lists. The suite comes
# from the Debian source package of the version in ../testdata/REDIS_VERSION.
# Each file runs in a copy of the suite of its own, with a time limit; when a
# test hangs, the file runs again without it, so that one hang does not cost
# the others. A file with failures is tried again, and its best try counts: some
# tests write on two connections without waiting for the first reply, and then
# hope that the server reads them in that order. A test may be left out only by name and with a reason, in
# excluded.txt; a block of tests whose set-up cannot work, by "tag NAME", or by
# "error TEXT", what the set-up fails with.
#
# The run fails when in any file
#   fewer tests pass than baseline.tsv has recorded,
#   a test fails that excluded.txt does not name,
#   or excluded.txt names a test that the file does not have.
#
# Environment:
#   SERVER=path     the server to run (default: ours, built first)
#   SUITE=dir       an unpacked redis source tree (default: fetched into ../tmp)
#   JOBS=2          files run at the same time
#   LIMIT=240       seconds for one go at a file
#   HANG=60         seconds without any test ending that count as a hang
#   GOES=6          goes at a file in which tests hang
#   TRIES=3         tries at a file in which tests fail
#   EXCLUDED=file   another list, /dev/null to try everything
#   RECORD=1        write baseline.tsv instead of comparing with it
#   OUT=dir         where the logs go (default: ../tmp/conformance)
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
version=$(cat "$here/../testdata/REDIS_VERSION")
export OUT=${OUT:-$here/../tmp/conformance}
export EXCLUDED=${EXCLUDED:-$here/excluded.txt}
export LIMIT=${LIMIT:-240} HANG=${HANG:-60} GOES=${GOES:-6} TRIES=${TRIES:-3}
BASELINE=$here/baseline.tsv
TCLSH=$(command -v tclsh8.6 || command -v tclsh) || { echo "tclsh is not installed" >&2; exit 2; }

# get_suite sets SUITE, fetching the source package when it is not there yet.
get_suite() {
    SUITE=${SUITE:-$here/../tmp/redis-$version}
    if [ ! -f "$SUITE/tests/test_helper.tcl" ]; then
        mkdir -p "$here/../tmp"
        (cd "$here/../tmp" && apt-get source -qq "redis=*$version*" || apt-get source -qq redis) >&2
    fi
    if ! grep -q "\"$version\"" "$SUITE/src/version.h"; then
        echo "no suite of redis $version in $SUITE (apt-get source needs a deb-src list)" >&2
        exit 2
    fi
    SUITE=$(cd "$SUITE" && pwd)
    export SUITE
}

get_server() {
    if [ -z "${SERVER:-}" ]; then
        SERVER=$OUT/valkeyper
        (cd "$top" && go build -o "$SERVER" .) || exit 2
    fi
    SERVER=$(readlink -f "$(command -v "$SERVER")") || { echo "no server $SERVER" >&2; exit 2; }
    export SERVER
}

# make_root copies the suite to $1, with the server in the place of redis-server.
make_root() {
    local root=$1 entry tool
    rm -rf "$root"
    mkdir -p "$root/src"
    for entry in "$SUITE"/*; do
        case ${entry##*/} in src | tests) ;; *) ln -s "$entry" "$root/" ;; esac
    done
    cp -r "$SUITE/tests" "$root/tests"
    mkdir -p "$root/tests/tmp"
    ln -s "$SERVER" "$root/src/redis-server"
    for tool in redis-cli redis-benchmark; do
        ln -s "$(command -v $tool)" "$root/src/$tool"
    done
    for tool in redis-check-aof redis-check-rdb; do # one binary that looks at its name
        printf '#!/bin/sh\nexec %s "$@"\n' "$(command -v $tool)" >"$root/src/$tool"
        chmod +x "$root/src/$tool"
    done
    survive_block_errors "$root/tests/support/server.tcl"
}

# survive_block_errors lets --durable do what it promises for an error in a
# start_server block outside of any test: as it stands it stops the server of
# the block twice and dies of the second time, and does not hold for a failed
# assertion at all.
survive_block_errors() {
    perl -0pi -e '
        s/if \{!\$assertion && \$::durable\} \{/if {\$::durable && (!\$assertion || \$::cur_test eq "")} {/
            and s/(an assertion will be caught by the test proc\..*?err \[join \$details "\\n"\]\n)/$1 set ::tags [lrange \$::tags 0 end-[llength \$tags]]\n return ""\n/s
            or die "support\/server.tcl is not as expected\n"' "$1"
}

# attempt runs unit $1 once in $2, logging to $3, without the tests named in the rest.
attempt() {
    local unit=$1 root=$2 log=$3 name group tags= limit=0
    shift 3
    local args=(--single "$unit" --clients 1 --durable --no-latency --timeout "$HANG"
        --baseport "$BASEPORT" --portcount 500)
    for name in "$@"; do
        case $name in
        "tag "*) tags="$tags -${name#tag }" ;;
        "error "*) ;;
        *) args+=(--skiptest "$name") ;;
        esac
    done
    [ -z "$tags" ] || args+=(--tags "$tags")
    # A session of its own, so that whatever is left in the end goes with its group.
    (cd "$root" && TERM=dumb exec setsid "$TCLSH" tests/test_helper.tcl "${args[@]}") >"$log" 2>&1 </dev/null &
    group=$!
    while kill -0 "$group" 2>/dev/null && [ "$limit" -lt $((LIMIT * 5)) ]; do
        sleep 0.2
        limit=$((limit + 1))
    done
    kill -CONT -- "-$group" 2>/dev/null
    kill -TERM -- "-$group" 2>/dev/null
    sleep 0.2
    kill -KILL -- "-$group" 2>/dev/null
    wait "$group" 2>/dev/null
}

# run_unit tries unit $1 until all its tests pass, and writes the best try to
# OUT/<unit>.result: passed, failed, how it ended.
run_unit() {
    local unit=$1 file=${1//\//_} try ok err status best=-1
    take_ports
    for ((try = 1; try <= TRIES; try++)); do
        try_unit "$unit"
        read -r ok err status <"$OUT/$file.try"
        if [ "$ok" -gt "$best" ]; then
            best=$ok
            mv "$OUT/$file.try" "$OUT/$file.result"
            mv "$OUT/$file.try.log" "$OUT/$file.log"
        fi
        [ "$err" -gt 0 ] || [ "$status" != done ] || break
        echo "$unit: $ok $err $status in try $try"
    done
    rm -f "$OUT/$file.try" "$OUT/$file.try.log"
    echo "$unit: $(cat "$OUT/$file.result")"
}

# try_unit runs unit $1 to its end and writes OUT/<unit>.try.
try_unit() {
    local unit=$1 file=${1//\//_} root status stuck go
    local log=$OUT/$file.try.log skips=() hung=()
    mapfile -t skips < <(awk -F'\t' -v u="$unit" '$1 == u {print $2}' "$EXCLUDED")
    root=$(mktemp -d /tmp/rXXXXXX) # short, for a socket in it has to have a name of less than 108 bytes
    for ((go = 1; go <= GOES; go++)); do
        make_root "$root"
        attempt "$unit" "$root" "$log" "${skips[@]}" "${hung[@]}"
        stuck=$(grep -a -m1 '(IN PROGRESS)' "$log" | sed 's/.*(IN PROGRESS) //')
        if grep -aq '^\[exception\]' "$log"; then status=aborted
        elif grep -aq '^\[TIMEOUT\]' "$log"; then status=hung
        elif grep -aq 'The End' "$log"; then status=done
        else status=timeout; fi
        [ "$status" = hung ] && [ -n "$stuck" ] || break
        hung+=("$stuck")
        cp "$log" "${log%.log}.$go.log"
    done
    rm -rf "$root"
    for stuck in "${skips[@]}"; do
        case $stuck in "error "*) TEXT=${stuck#error } perl -i -pe 's/^\[err\]: /[block]: / if index($_, $ENV{TEXT}) >= 0' "$log" ;; esac
    done
    for stuck in "${hung[@]}"; do echo "[err]: $stuck hangs" >>"$log"; done
    echo "$(grep -ac '^\[ok\]: ' "$log") $(grep -ac '^\[err\]: ' "$log") $status" >"$OUT/$file.try"
}

# take_ports gives this process 600 ports that no other run uses: the suite's
# own search for free ports does not see those taken on 127.0.0.1 only.
take_ports() {
    local slot
    for slot in $(seq 0 9); do
        exec 9>"/tmp/.conformance-ports.$slot"
        if flock -n 9; then
            BASEPORT=$((21000 + slot * 600))
            return
        fi
    done
    echo "ten suites are running already" >&2
    exit 2
}

# judge compares the result of unit $1 with what is recorded and prints what is wrong.
judge() {
    local unit=$1 file=${1//\//_} ok err status want
    local log=$OUT/$file.log
    read -r ok err status <"$OUT/$file.result" || { echo "$unit: no result"; return; }
    [ "$status" = done ] || echo "$unit: $status (see $log)"
    want=$(awk -F'\t' -v u="$unit" '$1 == u {print $2}' "$BASELINE")
    [ "$ok" -ge "${want:-0}" ] || echo "$unit: $ok tests pass, $want did"
    [ -n "$want" ] || [ -n "${RECORD:-}" ] || echo "$unit: not in baseline.tsv; record it with RECORD=1"
    grep -a '^\[err\]: ' "$log" | sed "s|^|$unit: |"
    awk -F'\t' -v u="$unit" '$1 == u {print $2}' "$EXCLUDED" | while IFS= read -r name; do
        case $name in
        "tag "*) grep -aq "^\[ignore\]: .*${name#tag } denied" "$log" ;;
        "error "*) grep -a '^\[block\]: ' "$log" | grep -qF -- "${name#error }" ;;
        *) grep -aqF "[skip]: $name" "$log" ;;
        esac || echo "$unit: excluded.txt names a test that is not there: $name"
    done
}

# record writes the counts of this run; files that did not run keep theirs.
record() {
    local unit ok lines
    lines=$(grep -v '^#' "$here/files.txt" | while read -r unit; do
        case " ${units[*]} " in
        *" $unit "*) read -r ok _ <"$OUT/${unit//\//_}.result" ;;
        *) ok=$(awk -F'\t' -v u="$unit" '$1 == u {print $2}' "$BASELINE") ;;
        esac
        [ -z "$ok" ] || printf '%s\t%d\n' "$unit" "$ok"
    done)
    printf '# unit\ttests that pass (written by RECORD=1 run.sh)\n%s\n' "$lines" >"$BASELINE"
}

if [ "${1:-}" = --one ]; then # one of several, started by the last lines below
    run_unit "$2"
    exit
fi
mkdir -p "$OUT"
OUT=$(cd "$OUT" && pwd)
get_suite
get_server
units=("$@")
[ ${#units[@]} -gt 0 ] || mapfile -t units < <(grep -v '^#' "$here/files.txt")
for unit in "${units[@]}"; do rm -f "$OUT/${unit//\//_}".*; done
printf '%s\n' "${units[@]}" | xargs -P "${JOBS:-2}" -n 1 "$0" --one
wrong=$(for unit in "${units[@]}"; do judge "$unit"; done)
total=0
for unit in "${units[@]}"; do
    read -r ok _ <"$OUT/${unit//\//_}.result" && total=$((total + ok))
done
echo "$total tests pass in ${#units[@]} files; logs in $OUT"
if [ -n "${RECORD:-}" ]; then record; fi
if [ -n "$wrong" ]; then
    printf 'wrong:\n%s\n' "$wrong"
    exit 1
fi

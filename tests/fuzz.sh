#!/usr/bin/env bash
# fuzz.sh REGEXP TIME: runs every fuzz target whose name matches, one after the other.
# Interesting input is not made smaller for long: on some targets that would take
# all of the time.
#
# Go's coordinator sometimes takes the end of its own time for a failure (golang.org/issue/75804):
# it says "context deadline exceeded" and nothing else, having found nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT

fuzz() {
    go test "$1" -run '^$' -fuzz "^$2\$" -fuzztime "$3" -fuzzminimizetime 1x 2>&1 | tee "$log" && return
    [ "$(sed -n '/^--- FAIL/,/^FAIL$/p' "$log" | sed '1d;$d')" = "    context deadline exceeded" ]
}

found=0
while IFS=: read -r file name; do
    found=1
    echo "$name in ${file%/*}"
    fuzz "./${file%/*}" "$name" "$2"
done < <(grep -roE --include='*_test.go' '^func Fuzz[A-Za-z0-9]*' app tests/*_test.go | sed 's/func //' | grep -E ":.*$1")
[ "$found" = 1 ] || { echo "no fuzz target matches $1" >&2; exit 1; }

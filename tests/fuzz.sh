#!/usr/bin/env bash
# fuzz.sh REGEXP TIME: runs every fuzz target whose name matches, one after the other.
# Interesting input is not made smaller for long: on some targets that would take
# all of the time.
set -euo pipefail
cd "$(dirname "$0")/.."
found=0
while IFS=: read -r file name; do
    found=1
    echo "$name in ${file%/*}"
    go test "./${file%/*}" -run '^$' -fuzz "^$name\$" -fuzztime "$2" -fuzzminimizetime 1x
done < <(grep -roE --include='*_test.go' '^func Fuzz[A-Za-z0-9]*' app tests/*_test.go | sed 's/func //' | grep -E ":.*$1")
[ "$found" = 1 ] || { echo "no fuzz target matches $1" >&2; exit 1; }

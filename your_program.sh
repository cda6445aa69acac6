#!/bin/sh
# Builds the server and starts it, as .codecrafters/compile.sh and
# .codecrafters/run.sh do one after the other. Keep the three in step.
set -e
(cd "$(dirname "$0")" && go build -o /tmp/codecrafters-build-redis-go .)

# No dump may stay behind in a working directory that others use: started
# without a configuration file, nothing is saved unless a flag asks for it.
case "${1-}" in
-v | --version | -h | --help | [!-]*) ;;
*) set -- --save "" "$@" ;;
esac
exec /tmp/codecrafters-build-redis-go "$@"

#!/bin/sh
# Starts the server that .codecrafters/compile.sh has built.
set -e

# No dump may stay behind in a working directory that others use: started
# without a configuration file, nothing is saved unless a flag asks for it.
case "${1-}" in
-v | --version | -h | --help | [!-]*) ;;
*) set -- --save "" "$@" ;;
esac
exec /tmp/codecrafters-build-redis-go "$@"

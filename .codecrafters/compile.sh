#!/bin/sh
# Builds the server; .codecrafters/run.sh starts it.
set -e
(cd "$(dirname "$0")/.." && go build -o /tmp/codecrafters-build-redis-go .)

#!/bin/sh
# Runs the smoke tests of all client libraries against one server.
#
#   tests/clients/run.sh                                  # ours, built now
#   TEST_SERVER=/usr/bin/redis-server tests/clients/run.sh
#
# A client that is not installed is skipped, and said to be; with CI set that
# is a failure. Only node's packages are installed from here, into
# tests/clients/node/node_modules; python's comes from the system (Debian:
# python3-redis), go-redis through the module cache.
set -u
cd "$(dirname "$0")" || exit 1

dir=$(mktemp -d) || exit 1
pid=
stop() {
	if [ -n "$pid" ]; then
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	fi
	rm -rf "$dir"
}
trap stop EXIT
trap 'exit 1' INT TERM HUP

fail() {
	echo "clients: $*" >&2
	exit 1
}

# start_server sets pid and TEST_ADDRESS. A port may be taken: it tries some.
start_server() {
	for try in 1 2 3 4 5; do
		port=$(awk -v seed="$$$try" 'BEGIN { srand(seed); print int(20000 + rand() * 12000) }')
		"$server" --port "$port" --bind 127.0.0.1 --dir "$dir" --save "" >"$dir/log" 2>&1 &
		pid=$!
		waits=0
		while kill -0 "$pid" 2>/dev/null && [ "$waits" -lt 300 ]; do
			if grep -q 'eady to accept connections' "$dir/log"; then
				TEST_ADDRESS=127.0.0.1:$port
				export TEST_ADDRESS
				return
			fi
			sleep 0.1
			waits=$((waits + 1))
		done
		kill "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
		pid=
	done
	cat "$dir/log" >&2
	fail "the server does not start"
}

server=${TEST_SERVER-}
if [ -z "$server" ]; then
	server=$dir/valkeyper
	(cd ../.. && go build -o "$server" .) || fail "the server does not build"
fi
start_server

passed=0 failed=0 skipped=0

# run NAME COMMAND ... counts how the tests of one client end.
run() {
	name=$1
	shift
	echo "== $name"
	if "$@"; then
		passed=$((passed + 1))
	else
		echo "clients: $name failed" >&2
		failed=$((failed + 1))
	fi
}

# missing NAME WHY counts a client that cannot be tested here.
missing() {
	if [ -n "${CI-}" ]; then
		echo "clients: $1 is missing: $2" >&2
		failed=$((failed + 1))
	else
		echo "== $1 skipped: $2"
		skipped=$((skipped + 1))
	fi
}

# install_node brings node_modules up to the lock file.
install_node() {
	[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --silent --no-audit --no-fund
}

go_tests() { go test -count=1 .; }
python_tests() { /usr/bin/python3 python/smoke.py; }
node_tests() { (cd node && npm test --silent); }

if go mod download; then
	run go-redis go_tests
else
	missing go-redis "its module cannot be downloaded"
fi

if /usr/bin/python3 -c 'import redis' 2>"$dir/python"; then
	run redis-py python_tests
else
	missing redis-py "$(tail -n 1 "$dir/python") (Debian: python3-redis)"
fi

if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
	missing "node-redis and ioredis" "there is no node or no npm"
elif ! (cd node && install_node); then
	missing "node-redis and ioredis" "npm cannot install them"
else
	run "node-redis and ioredis" node_tests
fi

kill -0 "$pid" 2>/dev/null || { cat "$dir/log" >&2; fail "the server died"; }
echo "clients: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]

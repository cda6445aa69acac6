// Package clients holds smoke tests with client libraries that others wrote:
// go-redis here, redis-py in python, node-redis and ioredis in node. It is a
// module of its own, because the server's module requires nothing; so
// `go test ./...` in the root does not come here. run.sh runs all of them
// against one server.
//
// Every client goes through the same cases: connecting, RESP2 and RESP3,
// values and errors, a pipeline, a transaction with WATCH, pub/sub, and
// reconnecting after the server closed the connection.
package clients

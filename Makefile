# The targets of this project; `make` alone lists them.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The systems besides this one that must go on building.
PLATFORMS := linux/arm64 darwin/arm64 freebsd/amd64 windows/amd64
GOFILES = $(shell git ls-files -co --exclude-standard '*.go')

.PHONY: build
build: ## build the server, ./valkeyper
	go build -o valkeyper .

.PHONY: run
run: ## build and start the server (ARGS="--port 7000")
	go run . $(ARGS)

.PHONY: test
test: ## all tests, with the race detector in the tests and in the server
	TEST_RACE=1 go test -race -timeout 30m ./...
	go test -tags poison ./app/store # executed input is overwritten: who kept a view of it?
	cd tests/clients && TEST_RACE=1 go test -race ./...

.PHONY: check
check: ## formatting, vet and builds for every platform, quick tests; run it before each commit
	@bad=$$(gofmt -l $(GOFILES)); if [ -n "$$bad" ]; then echo "gofmt -l: $$bad"; exit 1; fi
	go vet ./...
	cd tests/clients && go vet ./...
	@for p in $(PLATFORMS); do \
		echo "go vet, go build for $$p"; \
		GOOS=$${p%/*} GOARCH=$${p#*/} go vet ./... || exit 1; \
		GOOS=$${p%/*} GOARCH=$${p#*/} go build -o /dev/null . || exit 1; \
	done
	@if command -v staticcheck >/dev/null; then echo staticcheck ./...; staticcheck ./...; fi
	go test ./...

.PHONY: bench
bench: ## side by side with redis-server (ARGS="-only ^GET")
	go run ./tests/bench $(ARGS)

.PHONY: fuzz
fuzz: ## fuzz for FUZZTIME=30s each (T=FuzzParser for one)
	@tests/fuzz.sh "$(or $(T),Fuzz)" "$(or $(FUZZTIME),30s)"

.PHONY: golden
golden: ## record the answers of the test scripts from redis-server (S=string/set for one)
	GOLDEN=1 go test ./tests -count=1 -run 'TestScripts/$(S)'
	@if [ -z "$(S)" ]; then GOLDEN=1 go test ./tests -count=1 -run 'TestBad'; fi

.PHONY: readme
readme: ## write the command list of README.md
	UPDATE_README=1 go test ./tests -count=1 -run TestReadmeCommands

.PHONY: conformance
conformance: ## Redis's own test suite (UNITS="unit/type/string" for one file)
	tests/conformance/run.sh $(UNITS)

.PHONY: clients
clients: ## smoke tests with the client libraries of Go, Python and Node
	tests/clients/run.sh

.PHONY: soak
soak: ## the random tests for SOAK=1m each, the load for LOAD=10m, every fuzz target for FUZZTIME=6s
	TEST_RACE=1 TEST_SOAK=$(or $(SOAK),1m) go test -race -count=1 -timeout 60m -run 'TestModel|TestGroup|TestDiffer|TestHangUp|TestOutput|TestAppendOnly.*Crash' ./tests
	TEST_SOAK=$(or $(LOAD),10m) go test -count=1 -timeout 60m -run 'TestLoad$$' ./tests
	@tests/fuzz.sh Fuzz "$(or $(FUZZTIME),6s)"

.PHONY: replication
replication: ## a million replicated writes in every pairing, and twenty failovers by Sentinel
	TEST_SOAK=1m go test -count=1 -timeout 60m -run 'TestReplicaMillion|TestSentinel' ./tests

.PHONY: cover
cover: ## coverage of app/ by all tests, coverage.out
	@rm -rf tests/tmp/cover && mkdir -p tests/tmp/cover/unit tests/tmp/cover/server
	go test -cover -coverpkg=./app/... ./app/... -args -test.gocoverdir=$(CURDIR)/tests/tmp/cover/unit
	GOCOVERDIR=$(CURDIR)/tests/tmp/cover/server go test -count=1 ./tests
	go tool covdata textfmt -i=tests/tmp/cover/unit,tests/tmp/cover/server -o coverage.out
	go tool cover -func=coverage.out | tail -n 1

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

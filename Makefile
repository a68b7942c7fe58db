# Every command of the house. `make help` prints them.
SHELL       := /bin/bash
GO          ?= go
BIN         := bin/fishplate
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
PACKAGES    := gcc libc6-dev gcc-riscv64-linux-gnu g++-riscv64-linux-gnu libc6-dev-riscv64-cross qemu-user gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf cargo rustc rust-src clang-14 lld gdb-multiarch curl openssl nginx-light haproxy wrk brotli zstd nlohmann-json3-dev librapidxml-dev chromium fonts-dejavu-core systemd adduser procps
BENCHWASM   := g++ clang-14 lld-14 wasi-libc libclang-rt-14-dev-wasm32 libc++-14-dev-wasm32 libc++abi-14-dev-wasm32
BENCHCACHE  := varnish libnginx-mod-http-lua libnginx-mod-http-js
TARGETS     := linux/amd64 linux/arm64 linux/riscv64 darwin/arm64
FUZZTIME    ?= 20s
export CGO_ENABLED ?= 0

.DEFAULT_GOAL := help
.PHONY: help build run test setup lint gen gen-check cross alloc proof stress race unit script fuzz hitless bench bench-engines bench-store guests deb clean

help: ## print this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/fishplate
	@mkdir -p bin
	$(GO) build -trimpath -o $(BIN) ./cmd/fishplate

run: build ## build and start the demo: origins, tenants, seven curl commands to try, a dashboard
	$(BIN) demo

test: setup lint gen-check cross alloc proof race ## everything: packages, lint, generated docs, four platforms, race tests, scripts

setup: ## install the Debian packages that tests need (as root), or say what is missing
	@bash test/setup.sh $(PACKAGES)

lint: ## gofmt, vet, staticcheck
	@out=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "gofmt would change:"; echo "$$out"; exit 1; fi
	$(GO) vet ./...
	$(GO) vet -tags invariant ./...
	$(GO) vet -tags crashpoints ./internal/crash ./internal/control/... ./cmd/fishplate/...
	$(GO) run $(STATICCHECK) ./...

gen: build ## write docs/reference from the tables in the code
	$(BIN) gen docs/reference
	@bash sdk/abi/generate.sh

gen-check: gen ## fail when the generated files differ from what is committed
	@git diff --exit-code --stat -- docs/reference sdk/abi sdk/go/abi.go sdk/rust/src/abi.rs || { echo "generated files changed: commit what 'make gen' wrote"; exit 1; }

cross: ## build for every platform, without cgo
	@for t in $(TARGETS); do echo "build $$t"; CGO_ENABLED=0 GOOS=$${t%/*} GOARCH=$${t#*/} $(GO) build -o /dev/null ./cmd/fishplate || exit 1; done

race: ## unit tests and scripts under the race detector, with invariants
	CGO_ENABLED=1 $(GO) test -race -tags invariant -timeout 40m ./...

alloc: ## the tests that count allocations, which the race detector would falsify
	$(GO) test -count=1 -run 'Allocat' ./internal/... ./riscv/...

proof: ## the engines on all programs and builds, and recordings of 20,000 requests, of which the race detector gets a part
	$(GO) test -count=1 -timeout 20m -run 'TestPrograms|TestRandomLikeQemu|TestEngines' ./riscv
	$(GO) test -count=1 -timeout 20m -run 'TestReplayIsEqual|TestWalksRepeat' ./internal/tenant -walks 10000

stress: ## generated code under a busy runtime, for minutes
	$(GO) test -count=1 -timeout 20m -run TestStress -v ./riscv -stress 3m
	CGO_ENABLED=1 $(GO) test -race -count=1 -timeout 20m -run TestStress -v ./riscv -stress 1m

unit: ## unit tests and scripts, quickly
	$(GO) test -tags invariant -timeout 20m ./...

script: ## end-to-end scripts only
	$(GO) test -tags invariant -count=1 -timeout 20m ./test/...

fuzz: ## every fuzz target for FUZZTIME each
	@bash test/fuzz.sh $(FUZZTIME)

hitless: build ## load on ours, nginx and haproxy while their configurations change, origins are killed; results under test/bench/results
	$(GO) run ./test/hitless $(HITLESS)

bench: build bench-engines ## side by side with nginx (with Lua and njs), haproxy, varnish, wazero and qemu; results under test/bench/results
	@bash test/setup.sh $(PACKAGES) $(BENCHCACHE)
	@bash test/bench/run.sh

bench-engines: ## the RISC-V engine beside gcc -O2, wazero and qemu, and what forks cost
	@bash test/setup.sh $(PACKAGES) $(BENCHWASM)
	$(GO) run ./test/bench/engines

bench-store: ## the memory tier of the cache alone: cores, many objects, the collector, memory, purges
	$(GO) run ./test/bench/store

guests: ## rebuild the committed RISC-V programs
	@bash sdk/examples/build.sh

VERSION ?= 0.0.1~$(shell git rev-parse --short HEAD)
deb: ## build dist/fishplate_VERSION_ARCH.deb, install it into an empty folder, check it, remove it
	@mkdir -p bin
	$(GO) build -trimpath -ldflags '-s -w -X main.buildVersion=$(VERSION)' -o $(BIN) ./cmd/fishplate
	@bash packaging/deb.sh $(BIN) $(VERSION)

clean: ## remove what was built
	rm -rf bin dist

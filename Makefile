# ServoKit. `make help` lists the targets.
GO            ?= go
BIN           := $(CURDIR)/.cache/bin
GOLANGCI      := $(BIN)/golangci-lint
GOLANGCI_MOD  := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
BENCHTIME     ?= 1s
BENCHCOUNT    ?= 1
FUZZTIME      ?= 10s
SEEDS         ?= 10000
PKG           ?= ./...

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## Compile every package and example
	$(GO) build ./...

.PHONY: test
test: compiler ## Vet, then all tests with the race detector
	$(GO) vet ./...
	$(GO) test -race -timeout 15m $(PKG)

.PHONY: bench
bench: ## Run the benchmarks (PKG, BENCHTIME, BENCHCOUNT)
	$(GO) test -run '^$$' -bench . -benchmem -benchtime $(BENCHTIME) -count $(BENCHCOUNT) $(PKG)

.PHONY: lint
lint: $(GOLANGCI) ## Lint (installs golangci-lint into .cache/bin)
	$(GOLANGCI) run ./...

.PHONY: examples
examples: ## Build every program under examples/ into bin/, run the short ones
	@mkdir -p bin
	@for dir in $$($(GO) list -f '{{if eq .Name "main"}}{{.ImportPath}}{{end}}' ./examples/...); do \
		out=bin/$$(echo $$dir | sed 's|.*/examples/||; s|/|-|g'); \
		echo "$(GO) build -o $$out $$dir"; $(GO) build -o $$out $$dir || exit 1; \
	done
	@for name in custom-connector custom-event embed; do \
		echo "bin/$$name"; bin/$$name 2>/dev/null || exit 1; \
	done

.PHONY: cover
cover: ## Test coverage per function into coverage.out
	$(GO) test -coverprofile coverage.out -coverpkg ./... $(PKG)
	$(GO) tool cover -func coverage.out | tail -1

.PHONY: fuzz
fuzz: ## Fuzz every target for FUZZTIME
	@for pkg in $$($(GO) list $(PKG)); do \
		for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			GO=$(GO) $(CURDIR)/.ci/fuzz $$pkg $$target $(FUZZTIME) || exit 1; \
		done; \
	done

.PHONY: sim
sim: ## Simulate the whole loop with SEEDS seeds
	GOGC=400 $(GO) test -count=1 -timeout 30m -run '^TestSimulation$$' ./servo/servotest -seeds=$(SEEDS)

.PHONY: verify
verify: ## Formatting, go.mod and portability are in order
	@files=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$files" || { echo "gofmt would change:"; echo "$$files"; exit 1; }
	$(GO) mod tidy -diff
	$(GO) mod verify
	GOOS=darwin GOARCH=arm64 CGO_ENABLED=0 $(GO) vet ./connector/... ./servo/... ./internal/... ./examples/...

# The race detector needs a C compiler.
.PHONY: compiler
compiler:
	@$(CURDIR)/.ci/compiler

$(GOLANGCI): Makefile
	GOBIN=$(BIN) GOFLAGS= $(GO) install $(GOLANGCI_MOD)
	@touch $@

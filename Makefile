# Two commands are all a newcomer needs:
#
#   make demo   sets up, builds, and shows the paper's effect on shipped data
#   make test   everything that is checked
#
# Both need Go alone; a C compiler adds NVIDIA GPUs (docs/GPU.md).

GO       ?= go
CC       ?= cc
BIN      := bin/clipcalib
HAS_CC   := $(shell printf '\043include <dlfcn.h>\nint main(void){return !dlopen;}\n' | $(CC) -x c - -ldl -o /dev/null 2>/dev/null && echo yes)
GO_ENV   := $(shell $(GO) env GOOS GOARCH CGO_ENABLED 2>/dev/null)

.PHONY: help demo build test check race fuzz clean cross arm64-test dist dist-check kubernetes-test slurm-test

help:
	@echo "make demo            build, then run the whole pipeline on shipped data"
	@echo "make test            vet, staticcheck, formatting and all tests"
	@echo "make build           $(BIN)"
	@echo "make race            concurrent code under the race detector"
	@echo "make fuzz            every fuzz target for FUZZTIME (default 20s) each"
	@echo "make cross           the program for every platform that archives are made for"
	@echo "make arm64-test      the kernels for arm64 under qemu, where it is installed"
	@echo "make dist            those archives, with checksums and licences, in dist/"
	@echo "make dist-check      that two folders give the same archives, and that the demo runs from one"
	@echo "make kubernetes-test what plan writes for Kubernetes and Kueue, decoded by their own types"
	@echo "make slurm-test      an array on a Slurm of this machine (as root on Debian)"

demo: build
	./$(BIN) demo

build: go-note
	@mkdir -p $(dir $(BIN))
	$(CUDA_ENV) $(GO) build $(if $(NO_CUDA),,-tags gpu) -trimpath -o $(BIN) ./cmd/clipcalib
	@echo "built $(BIN); $(if $(NO_CUDA),NVIDIA GPUs are left out: $(NO_CUDA),NVIDIA GPUs are used with --device cuda or auto$(comma) where there is a driver)"

.PHONY: go-note
go-note:
	@command -v $(GO) >/dev/null || { echo "clipcalib needs Go 1.26 or later: https://go.dev/dl (any Go from 1.21 on fetches it by itself)"; exit 1; }

test: check
	$(GO) test ./...

check:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go' 2>/dev/null || find . -name '*.go')); \
	if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

RACE_PKGS ?= ./internal/atomicfile ./internal/imageio ./internal/data ./internal/device ./internal/serve ./internal/lockfile ./vit ./text ./weights ./internal/bank ./internal/run ./internal/features ./internal/pretrain ./adapt/testtime
race:
	$(GO) test -race -short $(RACE_PKGS)

FUZZTIME ?= 20s
# Minimising what merely is interesting would take most of the time.
FUZZMINIMIZE ?= 10x
fuzz:
	@GO="$(GO)" sh scripts/fuzz.sh $(FUZZTIME) $(FUZZMINIMIZE)

# Of the modules, mousetrap alone is for Windows alone: where it can be neither
# found nor fetched, Windows is left out, and that is said.
CROSS := linux/arm64 darwin/arm64 windows/amd64
cross:
	@mkdir -p .cache/cross
	@for p in $(CROSS); do \
	if [ $$p = windows/amd64 ] && ! $(GO) mod download github.com/inconshreveable/mousetrap 2>/dev/null; then \
	echo "cross: $$p skipped, the module mousetrap is not here and cannot be fetched"; continue; fi; \
	export GOOS=$${p%/*} GOARCH=$${p#*/} CGO_ENABLED=0; \
	$(GO) build -trimpath -o .cache/cross/ ./cmd/clipcalib && \
	$(GO) vet $$($(GO) list -f '{{if .SFiles}}{{.ImportPath}}{{end}}' ./...) ./internal/engine/cpu ./cmd/clipcalib || exit 1; \
	echo "cross: $$p builds, and vet finds nothing in its assembly"; done

arm64-test:
	@GO="$(GO)" sh scripts/arm64.sh

# CARD=yes adds the program for NVIDIA GPUs to the archive of linux/amd64, which
# then is not the same from every folder: cgo is told where its headers are.
dist: go-note
	@card=; if [ -n "$(CARD)" ]; then $(MAKE) -s cuda-compiler || exit 1; card="--card .cache/cuda/clipcalib-cuda"; \
	$(MAKE) --no-print-directory build BIN=.cache/cuda/clipcalib-cuda || exit 1; \
	else echo "dist: without NVIDIA GPUs (make dist CARD=yes adds them)"; fi; \
	$(GO) run ./scripts/dist --out dist $$card

dist-check:
	@GO="$(GO)" sh scripts/dist/check.sh

# A module of its own, whose modules are fetched where the proxy answers.
kubernetes-test:
	@cd scripts/schedulers && if ! $(GO) list -deps -test ./... >/dev/null 2>&1; then \
	echo "kubernetes-test: skipped, the modules of Kubernetes are not here and cannot be fetched"; \
	else $(GO) vet ./... && $(GO) test ./...; fi

slurm-test: build
	scripts/slurm/test.sh $(BIN)

clean:
	rm -rf bin .cache runs

-include internal/engine/cuda/cuda.mk

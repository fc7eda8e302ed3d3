# Two commands are all a newcomer needs:
#
#   make demo   sets up, builds, and shows the paper's effect on shipped data
#   make test   everything that is checked
#
# oneDNN makes the cpu engine faster. It is used where its headers are, and
# `make demo` installs it where it may (root or passwordless sudo on Debian and
# Ubuntu); without it the pure Go engine runs, and says so.

GO       ?= go
CC       ?= cc
BIN      := bin/clipcalib
HAS_CC   := $(shell printf '\043include <dlfcn.h>\nint main(void){return !dlopen;}\n' | $(CC) -x c - -ldl -o /dev/null 2>/dev/null && echo yes)
HAS_DNNL := $(shell printf '\043include <oneapi/dnnl/dnnl.h>\nint main(void){return 0;}\n' | $(CC) -x c - -ldnnl -o /dev/null 2>/dev/null && echo yes)
# Both need cgo, a C compiler and, as far as they are written, Linux.
GO_ENV   := $(shell $(GO) env GOOS GOARCH CGO_ENABLED 2>/dev/null)
NO_CGO   := $(if $(HAS_CC),$(if $(filter 0,$(word 3,$(GO_ENV))),CGO_ENABLED is 0),there is no C compiler)
TAGS     := $(if $(HAS_DNNL),$(if $(NO_CGO),,onednn))
GOFLAGS_ := $(if $(TAGS),-tags $(TAGS))

.PHONY: help demo build test check race fuzz install-onednn clean kubernetes-test slurm-test

help:
	@echo "make demo            build, then run the whole pipeline on shipped data"
	@echo "make test            vet, staticcheck, formatting and all tests"
	@echo "make build           $(BIN)"
	@echo "make race            concurrent code under the race detector"
	@echo "make fuzz            every fuzz target for FUZZTIME (default 20s) each"
	@echo "make kubernetes-test what plan writes for Kubernetes and Kueue, decoded by their own types"
	@echo "make slurm-test      an array on a Slurm of this machine (as root on Debian)"
	@echo "make install-onednn  the oneDNN library, from Debian's packages"

demo: setup-note
	@$(MAKE) --no-print-directory install-onednn-if-possible
	@$(MAKE) --no-print-directory build
	./$(BIN) demo

# A fresh make reads HAS_DNNL anew, so the build sees what was installed.
build: go-note
	@mkdir -p $(dir $(BIN))
	$(CUDA_ENV) $(GO) build $(addprefix -tags ,$(ALL_TAGS)) -trimpath -o $(BIN) ./cmd/clipcalib
	@echo "built $(BIN): on the cpu $(if $(TAGS),oneDNN,the pure Go engine (make install-onednn makes it faster)); $(if $(NO_CUDA),NVIDIA GPUs are left out: $(NO_CUDA),NVIDIA GPUs with --device cuda or auto$(comma) where there is a driver)"

.PHONY: setup-note go-note install-onednn-if-possible
setup-note: go-note

go-note:
	@command -v $(GO) >/dev/null || { echo "clipcalib needs Go 1.26 or later: https://go.dev/dl (any Go from 1.21 on fetches it by itself)"; exit 1; }

install-onednn-if-possible:
	@if [ -n "$(HAS_DNNL)" ]; then exit 0; fi; \
	if ! command -v apt-get >/dev/null; then echo "no apt-get: going on without oneDNN, in pure Go"; exit 0; fi; \
	if [ "$$(id -u)" = 0 ]; then S=; elif sudo -n true 2>/dev/null; then S="sudo -n"; \
	else echo "not root and no passwordless sudo: going on without oneDNN, in pure Go (to have it: sudo apt-get install libdnnl-dev)"; exit 0; fi; \
	echo "installing oneDNN (libdnnl-dev)"; \
	$$S apt-get install -y -qq libdnnl-dev >/dev/null 2>&1 || { $$S apt-get update -qq >/dev/null 2>&1 && $$S apt-get install -y -qq libdnnl-dev >/dev/null 2>&1; } \
	|| echo "oneDNN could not be installed: going on in pure Go"

install-onednn:
	apt-get install -y libdnnl-dev

test: check
	$(GO) test ./...
	@if [ -n "$(TAGS)" ]; then $(GO) test $(GOFLAGS_) ./internal/engine/cpu/... ./vit ./text ./adapt ./internal/clip; \
	else echo "oneDNN: skipped, its headers are not installed (make install-onednn)"; fi

check:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go' 2>/dev/null || find . -name '*.go')); \
	if [ -n "$$unformatted" ]; then echo "gofmt would change:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet $(GOFLAGS_) ./...
	$(GO) tool staticcheck $(GOFLAGS_) ./...

RACE_PKGS ?= ./internal/atomicfile ./internal/imageio ./internal/data ./internal/device ./internal/serve ./internal/lockfile ./vit ./text ./weights ./internal/bank ./internal/run ./internal/features ./internal/pretrain ./adapt/testtime
race:
	$(GO) test -race -short $(RACE_PKGS)

FUZZTIME ?= 20s
# Minimising what merely is interesting would take most of the time.
FUZZMINIMIZE ?= 10x
fuzz:
	@GO="$(GO)" sh scripts/fuzz.sh $(FUZZTIME) $(FUZZMINIMIZE)

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

# The part of the program for NVIDIA GPUs, with the Go tag gpu (the tag cuda is
# Gorgonia's own, which wants a cuDNN that no longer exists). "make build" has it
# in wherever there is a C compiler: gorgonia.org/cu compiles against cuda.h of
# package nvidia, and the driver and cuBLAS are loaded at run time, when a GPU is
# asked for. NVIDIA's own headers are only compared with, by "make cuda-check"
# (packages cuda-driver-dev/cuda-cudart-dev and libcublas-dev, or from PyPI
# nvidia-cuda-runtime and nvidia-cublas): looked for in CUDA_INCLUDE, CUDA_HOME,
# /usr/local/cuda, /usr/include, and the folders pip installs to.

CUDA_DIR   := internal/engine/cuda
CUDA_BUILD ?= .cache/cuda
PIP_ROOTS  ?= $(wildcard /opt/cuda*) $(wildcard /usr/lib/python3*/site-packages /usr/local/lib/python3*/*-packages $(VIRTUAL_ENV)/lib/python3*/site-packages)
CUDA_PLACES = $(CUDA_INCLUDE) $(if $(CUDA_HOME),$(CUDA_HOME)/include) /usr/local/cuda/include /usr/include \
              $(foreach r,$(PIP_ROOTS),$(r)/nvidia/cu13/include $(r)/nvidia/cuda_runtime/include)
BLAS_PLACES = $(CUDA_PLACES) $(foreach r,$(PIP_ROOTS),$(r)/nvidia/cublas/include)
# Both headers of one version: cublasLt.h beside cuda.h, or in the same root.
CUDA_H     ?= $(firstword $(foreach d,$(CUDA_PLACES),$(if $(wildcard $(d)/cuda.h),$(d))))
BLAS_H     ?= $(firstword $(foreach d,$(CUDA_H) $(abspath $(CUDA_H)/../../cublas/include) $(BLAS_PLACES),$(if $(wildcard $(d)/cublasLt.h),$(d))))
# cuBLAS's headers want the compiler's crt/host_defines.h and CCCL's nv/target.
CRT_H      ?= $(firstword $(foreach d,$(CUDA_H) $(abspath $(CUDA_H)/../../cuda_nvcc/include),$(if $(wildcard $(d)/crt/host_defines.h),$(d))))
NV_H       ?= $(firstword $(foreach d,$(CUDA_H) $(CUDA_H)/cccl $(abspath $(CUDA_H)/../../cuda_cccl/include),$(if $(wildcard $(d)/nv/target),$(d))))
NVCC_PLACES = $(if $(CUDA_HOME),$(CUDA_HOME)/bin/nvcc) $(shell command -v nvcc 2>/dev/null) /usr/local/cuda/bin/nvcc $(foreach r,$(PIP_ROOTS),$(r)/nvidia/cu13/bin/nvcc)
NVCC       ?= $(firstword $(foreach n,$(NVCC_PLACES),$(wildcard $(n))))
comma      := ,
# Machine code is made by the assembler of CUDA 12, see kernels/make.sh.
PTXAS      ?= $(firstword $(foreach r,$(PIP_ROOTS),$(wildcard $(r)/nvidia/cuda_nvcc/bin/ptxas)))

# Why GPUs are left out of a build; empty where they are not.
CUDA_TARGETS := linux/amd64 linux/arm64
CUDA_TARGET  := $(word 1,$(GO_ENV))/$(word 2,$(GO_ENV))
NO_CUDA      := $(if $(HAS_CC),$(if $(filter 0,$(word 3,$(GO_ENV))),CGO_ENABLED is 0,$(if $(filter $(CUDA_TARGETS),$(CUDA_TARGET)),,there is nothing for them on $(CUDA_TARGET))),there is no C compiler)
NVIDIA_DIR   := $(CURDIR)/$(CUDA_DIR)/nvidia
CUDA_FLAGS   := CGO_ENABLED=1 CGO_CFLAGS="$(or $(CGO_CFLAGS),-O2) -I$(NVIDIA_DIR)" CGO_LDFLAGS="-L$(NVIDIA_DIR) $(CGO_LDFLAGS)"
CUDA_ENV     := $(if $(NO_CUDA),CGO_ENABLED=0,$(CUDA_FLAGS))

.PHONY: cuda-check cuda-nvcc cuda-ptx cuda-reproduce cuda-where cuda-compiler

cuda-where:
	@if [ -z "$(CUDA_H)" ]; then echo "cuda.h is not found. Looked in: $(CUDA_PLACES)"; \
	  echo "to have it: pip install --no-deps --target /opt/cuda13 nvidia-cuda-runtime nvidia-cuda-crt nvidia-cuda-cccl nvidia-cublas (or CUDA_INCLUDE=DIR make cuda-check)"; exit 1; fi
	@if [ -z "$(BLAS_H)" ]; then echo "cublasLt.h is not found beside $(CUDA_H)"; \
	  echo "to have it: pip install --no-deps --target /opt/cuda13 nvidia-cublas"; exit 1; fi
	@if [ -z "$(CRT_H)" ]; then echo "crt/host_defines.h is not found beside $(CUDA_H)"; \
	  echo "to have it: pip install --no-deps --target /opt/cuda13 nvidia-cuda-crt"; exit 1; fi
	@if [ -z "$(NV_H)" ]; then echo "nv/target is not found beside $(CUDA_H)"; \
	  echo "to have it: pip install --no-deps --target /opt/cuda13 nvidia-cuda-cccl"; exit 1; fi
	@echo "CUDA $$(sed -n 's/^#define CUDA_VERSION *\([0-9]*\).*/\1/p' $(CUDA_H)/cuda.h): cuda.h in $(CUDA_H), cublasLt.h in $(BLAS_H)"

cuda-compiler:
	@if [ -n "$(NO_CUDA)" ]; then echo "NVIDIA GPUs are left out: $(NO_CUDA)"; exit 1; fi

# Vets what is for GPUs, and compares our declarations with every version of
# NVIDIA's that is found.
cuda-check:
	@if [ -n "$(NO_CUDA)" ]; then echo "cuda: skipped: $(NO_CUDA)"; else \
	  echo "vet with the tag gpu"; $(CUDA_ENV) $(GO) vet -tags gpu ./$(CUDA_DIR)/... ./internal/device/ || exit 1; fi
	@found=; for d in $(CUDA_PLACES); do [ -f $$d/cuda.h ] || continue; \
	  case " $$found " in *" $$d "*) continue;; esac; found="$$found $$d"; \
	  if ! why=$$($(MAKE) -s cuda-where CUDA_H=$$d 2>/dev/null); then echo "cuda headers: skipped for $$d: $$why"; continue; fi; \
	  $(MAKE) --no-print-directory -s cuda-check-one CUDA_H=$$d || exit 1; done; \
	if [ -z "$$found" ]; then echo "cuda headers: not compared, NVIDIA's are not installed (make cuda-where says how to get them)"; fi

.PHONY: cuda-check-one
cuda-check-one: cuda-where
	@CXX="$(CXX)" sh $(CUDA_DIR)/nvidia/headers_check.sh $(CUDA_BUILD)/check -I$(CUDA_H) -I$(BLAS_H) -I$(CRT_H) -I$(NV_H)
	@if [ -f $(CUDA_H)/nvml.h ]; then CXX="$(CXX)" sh $(CUDA_DIR)/nvml/headers_check.sh $(CUDA_BUILD)/check $(CUDA_H); \
	  else echo "nvml.h: not compared, it is not beside cuda.h (pip: nvidia-nvml-dev)"; fi

cuda-nvcc:
	@if [ -z "$(NVCC)" ]; then echo "nvcc is not found: pip install --no-deps --target /opt/cuda13 nvidia-cuda-nvcc nvidia-nvvm nvidia-cuda-crt nvidia-cuda-runtime nvidia-cuda-cccl"; exit 1; fi
	@if [ -z "$(PTXAS)" ]; then echo "ptxas of CUDA 12 is not found: pip install --no-deps --target /opt/cuda12 nvidia-cuda-nvcc-cu12==12.9.86"; exit 1; fi

cuda-ptx: cuda-nvcc
	NVCC="$(NVCC)" PTXAS="$(PTXAS)" sh $(CUDA_DIR)/kernels/make.sh $(CUDA_DIR)/kernels

# Whether that gives the same bytes from any folder; some minutes.
cuda-reproduce: cuda-nvcc
	NVCC="$(NVCC)" PTXAS="$(PTXAS)" sh $(CUDA_DIR)/kernels/reproduce.sh

# The binaries that scripts/gpu/gpu_check.sh runs on a machine with a GPU, which
# need nothing there but the driver and cuBLAS; packed, so that they travel lightly.
GPU_CHECK ?= .cache/gpu-check
GPU_FILES := $(CUDA_BUILD)/gpu-check
.PHONY: gpu-check-files gpu-check-programs
gpu-check-programs: cuda-compiler
	@mkdir -p $(GPU_FILES)
	$(CUDA_ENV) $(GO) build -buildvcs=auto -tags gpu -trimpath -ldflags '-s -w' -o $(GPU_FILES)/clipcalib ./cmd/clipcalib
	$(CUDA_ENV) $(GO) test -tags gpu -trimpath -ldflags '-s -w' -c -o $(GPU_FILES)/gpu.test ./$(CUDA_DIR)/nvidia
	$(CUDA_ENV) $(GO) test -tags gpu -trimpath -ldflags '-s -w' -c -o $(GPU_FILES)/nvml.test ./$(CUDA_DIR)/nvml

gpu-check-files: gpu-check-programs
	@mkdir -p $(GPU_CHECK)
	@for f in clipcalib gpu.test; do gzip -9nc $(GPU_FILES)/$$f >$(GPU_CHECK)/$$f.gz || exit 1; done
	@ls -l $(GPU_CHECK); echo "carry $(GPU_CHECK) with the repository to the machine and run scripts/gpu/gpu_check.sh there"

# The GPU tests and the driver package under them, on an emulated libcuda and
# cuBLAS: what can be run of them without a GPU.
EMULATED := $(abspath $(CUDA_BUILD))/emulated
.PHONY: cuda-emulated
cuda-emulated: gpu-check-programs
	@mkdir -p $(EMULATED)
	@$(CXX) -std=c++17 -E -P -x c++ -I$(CUDA_DIR)/emulator $(CUDA_DIR)/kernels/kernels.cu | \
	  grep -o 'static __attribute__((used)) void [a-z_0-9]*' | sed 's/.* //' >$(EMULATED)/kernels.txt
	@sed 's/.*/emulator::add<&>("&", \&&);/' $(EMULATED)/kernels.txt >$(EMULATED)/table.inc
	@sed 's/.*/add_name("&")/' $(EMULATED)/kernels.txt >$(EMULATED)/names.inc
	$(CXX) -std=c++17 -O1 -w -fPIC -shared -I$(EMULATED) -I$(CUDA_DIR)/emulator -I$(CUDA_DIR)/kernels -Wl,-soname,libcuda.so.1 -o $(EMULATED)/libcuda.so.1 $(CUDA_DIR)/emulator/libcuda.cpp
	for release in 12 13; do $(CXX) -std=c++17 -O1 -w -fPIC -shared -DLIBRARY=$$release -I$(NVIDIA_DIR) \
	  -o $(EMULATED)/libcublasLt.so.$$release $(CUDA_DIR)/emulator/libcublaslt.cpp -ldl || exit 1; done
	$(CXX) -std=c++17 -O1 -fPIC -shared -Wl,-soname,libnvidia-ml.so.1 -o $(EMULATED)/libnvidia-ml.so.1 $(CUDA_DIR)/emulator/libnvidia-ml.cpp
	cd $(CUDA_DIR)/nvml && LD_LIBRARY_PATH=$(EMULATED) CLIPCALIB_GPU=required $(abspath $(GPU_FILES))/nvml.test
	cd $(CUDA_DIR)/nvidia && LD_LIBRARY_PATH=$(EMULATED) CLIPCALIB_GPU=required CLIPCALIB_GPU_SMOKE=1 CLIPCALIB_GPU_TUNE=$(EMULATED)/algorithms.txt CLIPCALIB_GPU_FEATURES=$(EMULATED)/features $(abspath $(GPU_FILES))/gpu.test -test.run 'Kernels|Recording|FastPath|Tune|ResNet|Emulated|Soak|Features|Apart'
	sh $(CUDA_DIR)/emulator/one_program.sh $(abspath $(GPU_FILES))/clipcalib $(EMULATED)
	@if command -v python3 >/dev/null; then LD_LIBRARY_PATH=$(EMULATED) python3 scripts/gpu/gpu_check_faults.py --emulated \
	  --clipcalib $(abspath $(GPU_FILES))/clipcalib --weights $(EMULATED)/features/tiny.weights --work $(EMULATED)/faults; \
	else echo "faults in the middle of runs: skipped, there is no python3"; fi

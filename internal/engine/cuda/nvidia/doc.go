// Package nvidia drives an NVIDIA GPU for package cuda: contexts, memory,
// streams, events and modules through gorgonia.org/cu, products through
// cuBLAS. It holds nothing in programs built without the tag gpu (the tag
// cuda is Gorgonia's own, which wants a cuDNN that no longer exists).
//
// Nothing of CUDA is needed to build or link: cuda.h, functions.h and cublasLt.h
// declare what is used, for package cu too, and libcuda.a, which package cu
// links, is empty. The driver's library and cuBLAS are loaded when a device is
// opened, so one program runs with cuBLAS 12 and 13, and where there is no GPU.
package nvidia

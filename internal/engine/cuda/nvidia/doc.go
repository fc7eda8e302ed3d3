// Package nvidia drives an NVIDIA GPU for package cuda: contexts, memory,
// streams, events and modules through gorgonia.org/cu, products through
// cuBLAS. It holds nothing in programs built without the tag gpu (the tag
// cuda is Gorgonia's own, which wants a cuDNN that no longer exists).
//
// "make cuda" builds with it. Nothing of CUDA is linked: the driver's library
// and cuBLAS are loaded when a device is opened, so one program runs with
// cuBLAS 12 and 13, and says what is missing where there is no GPU.
package nvidia

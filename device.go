package clipcalib

import "clipcalib/internal/device"

// Device is a processor or GPU opened once by [OpenDevice] and shared by both
// towers, training, prompts, test-time tuning and graphs of one's own: what
// takes a device has a field or argument of this type. It is safe for
// concurrent use; calls take turns, step by step, and stop waiting when their
// context ends. Its methods:
//
//	Name() string       // what runs, as in "cpu: pure Go (avx512), 2 threads, fp32"
//	String() string     // Name
//	Kind() string       // "cpu" or "cuda"
//	Precision() string  // the form products are multiplied in, as in "fp32"
//	Threads() int       // cores used; 0 on a GPU
//	Memory() int64      // the bound on a GPU's memory in bytes; 0 for none
//	Close() error       // waits for the call that runs and gives everything back
//
// Close it after the models on it. After that, calls on it are errors.
type Device = device.Device

// DeviceOptions say where and how to compute. The zero value is the processor,
// all its cores, in float32.
type DeviceOptions struct {
	// Kind is "cpu" (also ""), "cuda" or "cuda:N", the N-th GPU that
	// CUDA_VISIBLE_DEVICES leaves, from 0, or "auto": the first GPU if it can be
	// used, else the processor. GPUs need a program built with the tag gpu, as
	// docs/GPU.md says; several may be open, each a device of its own.
	Kind    string
	Threads int // cores to use; 0 means all
	// Precision is the form products are multiplied in: "fp32"; "bf16"; "tf32"
	// and "fp16" on a GPU. Sums are float32 in all of them. "" means the device's
	// default.
	Precision string
	// Memory is the most bytes of a GPU's memory to hold; 0 means 95% of what
	// is free. On the processor it must be 0.
	Memory int64
}

// OpenDevice opens a device, which the caller closes. The error of a device that
// is not there says what is missing and how to have it.
func OpenDevice(o DeviceOptions) (*Device, error) { return device.Open(device.Options(o)) }

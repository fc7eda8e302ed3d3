package engine

// GPU describes the GPU an engine computes on.
type GPU struct {
	Name       string `json:"name"`
	Capability int    `json:"compute_capability"` // 10 * major + minor, 90 for an H200
	Memory     int64  `json:"memory_bytes"`
	Free       int64  `json:"free_bytes"`    // at the time of asking
	Driver     int    `json:"driver_cuda"`   // highest CUDA version the driver runs, 13000 for 13.0
	PCI        string `json:"pci,omitempty"` // address on the bus, as in "00000000:3b:00.0"
}

// OnGPU is an engine that computes on a GPU.
type OnGPU interface {
	Precise
	GPU() (GPU, error)
}

// Unavailable says why a device cannot be used, and what to do about it.
type Unavailable struct {
	Why, Remedy string
	Absent      bool // nothing of the kind is here, as far as the program can tell
}

func (u *Unavailable) Error() string { return u.Why + ": " + u.Remedy }

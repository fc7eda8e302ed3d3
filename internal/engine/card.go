package engine

// Card describes the GPU an engine computes on.
type Card struct {
	Name       string `json:"name"`
	Capability int    `json:"compute_capability"` // 10 * major + minor, 90 for an H200
	Memory     int64  `json:"memory_bytes"`
	Free       int64  `json:"free_bytes"`  // at the time of asking
	Driver     int    `json:"driver_cuda"` // highest CUDA version the driver runs, 13000 for 13.0
}

// Carded is an engine with a card of its own.
type Carded interface {
	Card() (Card, error)
	// Precision is the form products are multiplied in.
	Precision() string
}

// Unavailable says why a device cannot be used, and what to do about it.
type Unavailable struct{ Why, Remedy string }

func (u *Unavailable) Error() string { return u.Why + ": " + u.Remedy }

package engine

// Kernel is what multiplies matrices on a processor.
type Kernel struct {
	// Name is that of the instructions: portable, avx2, avx512, avx512bf16, amx.
	Name string `json:"name"`
	// Native says that they multiply in the engine's precision, and not in a
	// wider one in its place.
	Native bool `json:"native"`
	// PeakGFLOPS is what they reach on values in registers, on all threads of the
	// engine, as just measured; 0 where there is nothing to measure it with.
	PeakGFLOPS float64 `json:"peak_gflop_s,omitempty"`
}

// OnProcessor is an engine that computes on a processor.
type OnProcessor interface {
	Precise
	// Kernel measures for some milliseconds.
	Kernel() Kernel
}

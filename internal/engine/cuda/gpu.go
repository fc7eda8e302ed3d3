package cuda

import "clipcalib/internal/engine"

var _ engine.OnGPU = (*Engine)(nil)

// GPU describes the GPU.
func (e *Engine) GPU() (engine.GPU, error) {
	info := e.d.Info()
	free, _, err := e.d.Memory()
	return engine.GPU{Name: info.Name, Capability: info.Capability, Memory: info.Memory, Free: free,
		Driver: info.Driver, PCI: info.PCI}, err
}

// Precision is the form products are multiplied in.
func (e *Engine) Precision() string { return e.precision.String() }

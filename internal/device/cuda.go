//go:build gpu

package device

import (
	"cmp"
	"fmt"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/cuda"
	"clipcalib/internal/engine/cuda/nvidia"
	"clipcalib/internal/engine/cuda/nvml"
)

func init() {
	openers["cuda"], listCards = openCUDA, nvidia.Cards
	openSensors = func(pci string) (engine.Sensors, error) { return nvml.Open(pci) }
}

// openCUDA opens a GPU by its place among those that CUDA_VISIBLE_DEVICES
// leaves. Threads are of no matter to it.
func openCUDA(o Options, index int) (engine.Engine, error) {
	if _, err := cuda.ParsePrecision(o.Precision); err != nil {
		return nil, err
	}
	d, err := nvidia.OpenIndex(index)
	if err != nil {
		return nil, fmt.Errorf("device cuda: %w", err)
	}
	p, err := cuda.ParsePrecision(cmp.Or(o.Precision, DefaultPrecision(d.Info().Capability)))
	if err != nil {
		d.Close()
		return nil, err
	}
	e, err := cuda.New(d, cuda.Options{Precision: p, Memory: o.Memory})
	if err != nil {
		d.Close()
		return nil, fmt.Errorf("device cuda: %w", err)
	}
	return e, nil
}

package device

import (
	"fmt"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/cpu"
)

// openCPU opens the processor.
func openCPU(o Options, _ int) (engine.Engine, error) {
	c := cpu.Options{Threads: o.Threads}
	switch o.Precision {
	case "", "fp32":
	case "bf16":
		c.BF16 = true
	default:
		return nil, fmt.Errorf("precision %q is unknown: use fp32 or bf16", o.Precision)
	}
	return cpu.New(c)
}

package device

import (
	"fmt"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/cpu"
)

// openCPU opens the processor, with oneDNN where the program was built with it.
func openCPU(o Options, _ int) (engine.Engine, error) { return newCPU(o, false) }

// openPureGo opens the processor without oneDNN, to compare with.
func openPureGo(o Options, _ int) (engine.Engine, error) { return newCPU(o, true) }

func newCPU(o Options, pureGo bool) (engine.Engine, error) {
	c := cpu.Options{Threads: o.Threads, PureGo: pureGo}
	switch o.Precision {
	case "", "fp32":
	case "bf16":
		c.BF16 = true
	default:
		return nil, fmt.Errorf("precision %q is unknown: use fp32 or bf16", o.Precision)
	}
	return cpu.New(c)
}

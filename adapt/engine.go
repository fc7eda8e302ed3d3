package adapt

import (
	"fmt"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/cpu"
)

// withEngine runs f on e, or on a CPU engine of its own.
func withEngine(e engine.Engine, f func(engine.Engine) error) error {
	if e != nil {
		return f(e)
	}
	own, err := cpu.New(cpu.Options{})
	if err != nil {
		return fmt.Errorf("start the CPU engine: %w", err)
	}
	defer own.Close()
	return f(own)
}

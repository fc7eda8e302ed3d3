//go:build gpu

package nvidia

import (
	"sync"

	"gorgonia.org/cu"
)

// contexts are the primary contexts of the GPUs that were opened. They stay till
// the process ends: making one takes a third of a second, and the driver forgets
// the kernels it compiled when the last user of one goes.
var contexts struct {
	mu   sync.Mutex
	kept map[int]cu.CUContext
}

// retain returns the primary context of a GPU.
func retain(index int, d cu.Device) (cu.CUContext, error) {
	contexts.mu.Lock()
	defer contexts.mu.Unlock()
	if c, ok := contexts.kept[index]; ok {
		return c, nil
	}
	c, err := d.RetainPrimaryCtx()
	if err != nil {
		return c, err
	}
	if contexts.kept == nil {
		contexts.kept = map[int]cu.CUContext{}
	}
	contexts.kept[index] = c
	return c, nil
}

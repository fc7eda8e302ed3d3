//go:build gpu

package nvidia

import (
	"fmt"
	"sync"

	"clipcalib/internal/engine"
)

// claims is which GPU is open, and how many times.
var claims claimed

type claimed struct {
	mu           sync.Mutex
	index, users int
}

func (c *claimed) take(index int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.users > 0 && c.index != index {
		return &engine.Unavailable{Why: fmt.Sprintf("GPU %d is open in this process, and so GPU %d cannot be", c.index,
			index),
			Remedy: "close it first, or use a process for each"}
	}
	c.index = index
	c.users++
	return nil
}

// unclaim gives the driver's claim back, once.
func (d *driver) unclaim() {
	if d.index < 0 {
		return
	}
	claims.mu.Lock()
	claims.users--
	claims.mu.Unlock()
	d.index = -1
}

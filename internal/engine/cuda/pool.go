package cuda

import (
	"errors"
	"fmt"
	"math/bits"

	"clipcalib/internal/engine"
)

// pool keeps freed device memory for the next request of its size. It holds at
// most bound bytes; what lies unused is given back to the driver before that
// is exceeded.
//
// Memory may be handed out again while work that uses it is still queued: all
// work is on one stream, so what is queued later runs later.
type pool struct {
	d     Driver
	bound int64
	held  int64           // bytes from the driver
	used  int64           // of which handed out
	free  map[int64][]Ptr // by size
	size  map[Ptr]int64   // of all that is held
	busy  map[Ptr]bool    // handed out

	spare spare // may be nil
}

// spare is a holder of the pool's memory that can do without.
type spare interface {
	size() int64    // bytes it holds
	release() error // puts them back
}

func newPool(d Driver, bound int64) *pool {
	return &pool{d: d, bound: bound, free: map[int64][]Ptr{}, size: map[Ptr]int64{}, busy: map[Ptr]bool{}}
}

// sizeClass rounds up to an eighth of the power of two below, at least 512
// bytes, so that at most an eighth is wasted.
func sizeClass(n int64) int64 {
	step := int64(512)
	if n > 4096 {
		step = 1 << (bits.Len64(uint64(n-1)) - 4)
	}
	return (max(n, 1) + step - 1) / step * step
}

func (p *pool) get(n int64) (Ptr, error) {
	size := sizeClass(n)
	if list := p.free[size]; len(list) > 0 {
		ptr := list[len(list)-1]
		p.free[size] = list[:len(list)-1]
		p.used += size
		p.busy[ptr] = true
		return ptr, nil
	}
	if p.held+size > p.bound {
		if err := p.trim(); err != nil {
			return 0, err
		}
	}
	if p.held+size > p.bound {
		return 0, p.exhausted(n)
	}
	ptr, err := p.d.Alloc(size)
	if errors.Is(err, ErrNoMemory) {
		if err := p.trim(); err != nil {
			return 0, err
		}
		if ptr, err = p.d.Alloc(size); errors.Is(err, ErrNoMemory) {
			return 0, p.exhausted(n)
		}
	}
	if err != nil {
		return 0, err
	}
	p.held += size
	p.used += size
	p.size[ptr] = size
	p.busy[ptr] = true
	return ptr, nil
}

// getIfFree is get for what can be done without: it takes nothing from others
// and returns 0 where there is no room.
func (p *pool) getIfFree(n int64) (Ptr, error) {
	if size := sizeClass(n); len(p.free[size]) == 0 {
		free, _, err := p.d.Memory()
		if err != nil || size > p.bound-p.held || size > free {
			return 0, err
		}
	}
	return p.get(n)
}

// put takes memory back. Memory that is not the pool's, or was given back
// before, is an error.
func (p *pool) put(ptr Ptr) error {
	if !p.busy[ptr] {
		return fmt.Errorf("device memory at %#x was released twice or is not the engine's", uintptr(ptr))
	}
	delete(p.busy, ptr)
	size := p.size[ptr]
	p.used -= size
	p.free[size] = append(p.free[size], ptr)
	return nil
}

// trim gives unused memory back to the driver.
func (p *pool) trim() error {
	if p.spare != nil {
		if err := p.spare.release(); err != nil {
			return err
		}
	}
	for size, list := range p.free {
		for _, ptr := range list {
			if err := p.d.Free(ptr); err != nil {
				return err
			}
			delete(p.size, ptr)
			p.held -= size
		}
		delete(p.free, size)
	}
	return nil
}

// available is the memory the pool could hand out.
func (p *pool) available() int64 {
	rest := p.bound - p.held
	if free, _, err := p.d.Memory(); err == nil {
		rest = min(rest, free)
	}
	if p.spare != nil {
		rest += p.spare.size()
	}
	return p.held - p.used + max(rest, 0)
}

func (p *pool) exhausted(need int64) *engine.OutOfMemory {
	return &engine.OutOfMemory{Device: "GPU", Need: need, Free: p.available(), Bound: p.bound}
}

// close gives everything back, what is still in use included.
func (p *pool) close() error {
	err := p.trim()
	for ptr := range p.busy {
		if e := p.d.Free(ptr); err == nil {
			err = e
		}
	}
	p.size, p.busy, p.held, p.used = map[Ptr]int64{}, map[Ptr]bool{}, 0, 0
	return err
}

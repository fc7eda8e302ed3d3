package graph

import (
	"fmt"
	"slices"
	"sort"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// block is a stretch of memory that several intermediates use in turn.
type block struct {
	size int // bytes
	free bool
}

// plan assigns every result to a block such that no two results alive at the
// same step share one, then allocates the blocks. A result lives from the step
// that writes it to the last step that reads it; outputs live for ever.
func (p *Program) plan() error {
	last, narrow := p.lastUse(), p.narrow()
	dies := make([][]*slot, len(p.order))
	for _, s := range p.order {
		if l := last[s]; l < len(p.order) {
			dies[l] = append(dies[l], s)
		}
	}
	var blocks []*block
	at := map[*slot]int{}
	for i, s := range p.order {
		size := 4 * s.op.Out.TotalSize()
		if narrow[s] {
			size /= 2
		}
		k := pick(&blocks, size)
		blocks[k].free = false
		at[s] = k
		for _, d := range dies[i] {
			blocks[at[d]].free = true
		}
	}
	if err := p.allocate(blocks); err != nil {
		return err
	}
	for _, s := range p.order {
		if narrow[s] {
			s.out = p.g.Engine.(engine.MixedPrecision).ViewFloat16(p.blocks[at[s]], s.op.Out...)
		} else {
			s.out = p.g.Engine.View(p.blocks[at[s]], s.op.Out...)
		}
	}
	return p.connect()
}

// lastUse returns, for every operation, the step that last reads its result.
func (p *Program) lastUse() map[*slot]int {
	last := map[*slot]int{}
	for i, s := range p.order {
		last[s] = i
	}
	for i, s := range p.order {
		for _, in := range childrenOf(s.node) {
			if o, ok := in.Op().(*op); ok {
				last[p.slots[o]] = i
			}
		}
	}
	for _, y := range p.outputs {
		if o, ok := y.Op().(*op); ok {
			last[p.slots[o]] = len(p.order)
		}
	}
	return last
}

// narrow finds the results to be kept in 16 bits: those of operations that can
// write them, where all that read them can, and the program's caller does not.
func (p *Program) narrow() map[*slot]bool {
	e, ok := p.g.Engine.(engine.MixedPrecision)
	if !ok || !e.StoresFloat16() {
		return nil
	}
	narrow := map[*slot]bool{}
	for _, s := range p.order {
		narrow[s] = s.op.NarrowOut
	}
	for _, s := range p.order {
		for i, in := range childrenOf(s.node) {
			if o, ok := in.Op().(*op); ok && !slices.Contains(s.op.NarrowIn, i) {
				narrow[p.slots[o]] = false
			}
		}
	}
	for _, y := range p.outputs {
		if o, ok := y.Op().(*op); ok {
			narrow[p.slots[o]] = false
		}
	}
	return narrow
}

// pick returns the smallest free block that fits, else the largest free block,
// grown, else a new one.
func pick(blocks *[]*block, size int) int {
	var free []int
	for k, b := range *blocks {
		if b.free {
			free = append(free, k)
		}
	}
	if len(free) == 0 {
		*blocks = append(*blocks, &block{size: size})
		return len(*blocks) - 1
	}
	sort.SliceStable(free, func(i, j int) bool { return (*blocks)[free[i]].size < (*blocks)[free[j]].size })
	for _, k := range free {
		if (*blocks)[k].size >= size {
			return k
		}
	}
	k := free[len(free)-1]
	(*blocks)[k].size = size
	return k
}

func (p *Program) allocate(blocks []*block) error {
	if r, ok := p.g.Engine.(engine.Bounded); ok {
		if err := r.Reserve(p.need(blocks)); err != nil {
			return fmt.Errorf("memory for the graph: %w", err)
		}
	}
	for _, b := range blocks {
		t, err := p.g.Engine.New(tensor.Float32, (b.size+3)/4)
		if err != nil {
			return fmt.Errorf("memory for the graph: %w", err)
		}
		p.blocks = append(p.blocks, t)
		p.bytes += int64(b.size)
	}
	for _, s := range p.order {
		for _, shape := range s.op.Saved {
			t, err := p.g.Engine.New(tensor.Float32, shape...)
			if err != nil {
				return fmt.Errorf("memory for the graph: %w", err)
			}
			p.saved = append(p.saved, t)
			s.saved = append(s.saved, t)
			p.bytes += 4 * int64(shape.TotalSize())
		}
	}
	return nil
}

// need returns the bytes that allocate asks for.
func (p *Program) need(blocks []*block) (bytes int64) {
	for _, b := range blocks {
		bytes += int64(b.size)
	}
	for _, s := range p.order {
		for _, shape := range s.op.Saved {
			bytes += 4 * int64(shape.TotalSize())
		}
	}
	return bytes
}

// connect resolves the inputs of every operation.
func (p *Program) connect() error {
	for _, s := range p.order {
		for _, in := range childrenOf(s.node) {
			if o, ok := in.Op().(*op); ok {
				s.in = append(s.in, p.slots[o].out)
				continue
			}
			t, err := Tensor(in)
			if err != nil {
				return err
			}
			s.in = append(s.in, t)
		}
	}
	return nil
}

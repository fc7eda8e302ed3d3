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
	p.place()
	float16 := p.float16()
	dies := p.lastUses()
	blocks, at := assign(p.order, dies, func(s *entry) int {
		switch {
		case !s.onDevice:
			return 0
		case float16[s]:
			return 2 * volume(s.op.Out)
		}
		return 4 * volume(s.node.Shape())
	})
	if err := p.allocate(blocks); err != nil {
		return err
	}
	for _, s := range p.order {
		switch {
		case !s.onDevice:
		case float16[s]:
			s.out = p.g.Engine.(engine.MixedPrecision).ViewFloat16(p.blocks[at[s]], s.op.Out...)
		default:
			s.out = p.g.Engine.View(p.blocks[at[s]], memoryShape(s.node)...)
		}
	}
	p.planHost(dies)
	for _, s := range p.order {
		if s.onHost() {
			continue
		}
		for _, c := range s.from {
			s.in = append(s.in, c.out)
		}
	}
	return nil
}

// assign gives every entry of a size above 0 one of the blocks it returns.
func assign(order []*entry, dies [][]*entry, size func(*entry) int) ([]*block, map[*entry]int) {
	var blocks []*block
	at := map[*entry]int{}
	for i, s := range order {
		if n := size(s); n > 0 {
			k := pick(&blocks, n)
			blocks[k].free = false
			at[s] = k
		}
		for _, d := range dies[i] {
			if k, ok := at[d]; ok {
				blocks[k].free = true
			}
		}
	}
	return blocks, at
}

// place decides which values are in the engine's memory and which in the
// host's. Where the host can touch the engine's, every value is in the engine's.
func (p *Program) place() {
	shared := p.g.Engine.AllocAccessible()
	for _, s := range p.order {
		s.onDevice = s.onDevice || shared || !s.onHost() || slices.Contains(p.outputs, s.node)
		if s.onHost() {
			s.host = &hostValue{}
		}
		for _, c := range s.from {
			if s.onHost() {
				c.host = &hostValue{}
			} else {
				c.onDevice = true
			}
		}
	}
	for _, y := range p.outputs {
		p.entries[y].onDevice = true
	}
	for _, s := range p.foreign {
		s.onDevice = s.onDevice || shared
		s.host = &hostValue{}
	}
}

// lastUses returns, for every step, the results that no later step reads.
func (p *Program) lastUses() [][]*entry {
	last := map[*entry]int{}
	for i, s := range p.order {
		last[s] = i
		for _, c := range s.from {
			if c.computed() {
				last[c] = i
			}
		}
	}
	for _, y := range p.outputs {
		delete(last, p.entries[y])
	}
	dies := make([][]*entry, len(p.order))
	for _, s := range p.order {
		if l, ok := last[s]; ok {
			dies[l] = append(dies[l], s)
		}
	}
	return dies
}

// memoryShape is the shape of a node's tensor: engines know no scalars.
func memoryShape(n *Node) []int {
	if s := n.Shape(); len(s) > 0 {
		return s
	}
	return []int{1}
}

// float16 finds the results to be kept in 16 bits: those of operations that can
// write them, where all that read them can, and the program's caller does not.
func (p *Program) float16() map[*entry]bool {
	e, ok := p.g.Engine.(engine.MixedPrecision)
	if !ok || !e.StoresFloat16() {
		return nil
	}
	float16 := map[*entry]bool{}
	for _, s := range p.order {
		float16[s] = s.op != nil && s.op.Float16Out
	}
	for _, s := range p.order {
		for i, c := range s.from {
			if s.op == nil || !slices.Contains(s.op.Float16In, i) {
				float16[c] = false
			}
		}
	}
	for _, y := range p.outputs {
		float16[p.entries[y]] = false
	}
	return float16
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
		for _, shape := range s.savedShapes() {
			t, err := p.g.Engine.New(tensor.Float32, shape...)
			if err != nil {
				return fmt.Errorf("memory for the graph: %w", err)
			}
			p.saved = append(p.saved, t)
			s.saved = append(s.saved, t)
			p.bytes += 4 * int64(shape.TotalSize())
		}
	}
	for _, s := range p.foreign {
		if !s.onDevice {
			continue
		}
		t, err := p.g.Engine.New(s.node.Dtype(), memoryShape(s.node)...)
		if err != nil {
			return fmt.Errorf("memory for %s: %w", Name(s.node), err)
		}
		p.saved = append(p.saved, t)
		s.out = t
	}
	return nil
}

// need returns the bytes that allocate asks for.
func (p *Program) need(blocks []*block) (bytes int64) {
	for _, b := range blocks {
		bytes += int64(b.size)
	}
	for _, s := range p.order {
		for _, shape := range s.savedShapes() {
			bytes += 4 * int64(shape.TotalSize())
		}
	}
	return bytes
}

func (s *entry) savedShapes() []tensor.Shape {
	if s.op == nil {
		return nil
	}
	return s.op.Saved
}

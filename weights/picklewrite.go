package weights

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
)

// pickler writes the few opcodes of pickle protocol 2 a state dict needs.
type pickler struct{ out []byte }

func (p *pickler) op(codes string) { p.out = append(p.out, codes...) }

func (p *pickler) global(module, name string) { p.op("c" + module + "\n" + name + "\n") }

func (p *pickler) text(s string) {
	p.op("X")
	p.out = binary.LittleEndian.AppendUint32(p.out, uint32(len(s)))
	p.op(s)
}

func (p *pickler) int(n int64) {
	switch {
	case n >= 0 && n < 1<<8:
		p.out = append(p.out, 'K', byte(n))
	case n >= math.MinInt32 && n <= math.MaxInt32:
		p.op("J")
		p.out = binary.LittleEndian.AppendUint32(p.out, uint32(n))
	default:
		p.op("\x8a\x08")
		p.out = binary.LittleEndian.AppendUint64(p.out, uint64(n))
	}
}

func (p *pickler) ints(ns []int64) {
	p.op("(")
	for _, n := range ns {
		p.int(n)
	}
	p.op("t")
}

func (p *pickler) emptyOrderedDict() {
	p.global("collections", "OrderedDict")
	p.op(")R")
}

// pickleStateDict is the data.pkl of a state dict whose i-th tensor lies in
// the record data/i.
func pickleStateDict(rs []record, metadata map[string]string) ([]byte, error) {
	p := &pickler{}
	p.op("\x80\x02")
	if err := p.stateDict(rs, metadata); err != nil {
		return nil, err
	}
	p.op(".")
	return p.out, nil
}

func (p *pickler) stateDict(rs []record, metadata map[string]string) error {
	p.emptyOrderedDict()
	p.op("(")
	for i, r := range rs {
		p.text(r.name)
		if err := p.tensor(i, r); err != nil {
			return err
		}
	}
	p.op("u")
	if len(metadata) > 0 {
		p.op("}(")
		p.text("metadata")
		p.op("}(")
		for _, k := range sortedKeys(metadata) {
			p.text(k)
			p.text(metadata[k])
		}
		p.op("uub") // into the inner dict, the outer, and the attributes
	}
	return nil
}

// tensor is the tensor in the record data/i.
func (p *pickler) tensor(i int, r record) error {
	class := dtypeFacts[r.dtype].storage
	if class == "" {
		return fmt.Errorf("tensor %s: %s cannot be written to a PyTorch file", r.name, r.dtype)
	}
	shape := make([]int64, len(r.shape))
	for j, d := range r.shape {
		shape[j] = int64(d)
	}
	p.global("torch._utils", "_rebuild_tensor_v2")
	p.op("((")
	p.text("storage")
	p.global("torch", class)
	p.text(strconv.Itoa(i))
	p.text("cpu")
	p.int(int64(r.len()))
	p.op("tQ") // the storage
	p.int(0)   // offset
	p.ints(shape)
	p.ints(rowMajor(shape))
	p.op("\x89") // requires_grad
	p.emptyOrderedDict()
	p.op("tR")
	return nil
}

package prompt

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// param is a tensor that trains, in the shape it has in PyTorch.
type param struct {
	slot
	data []float32
}

func (p param) size() int { return tensor.Shape(p.shape).TotalSize() }

// matrix is the shape on an engine: a vector, or a matrix of all rows.
func (p param) matrix() []int {
	if len(p.shape) < 3 {
		return p.shape
	}
	last := p.shape[len(p.shape)-1]
	return []int{p.size() / last, last}
}

// check reports values that are no numbers.
func (p param) check() error {
	for i, v := range p.data {
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("%s: value %d is %v; all must be finite", p.name, i, v)
		}
	}
	return nil
}

// noise is the standard deviation of random vectors.
const noise = 0.02

// initial draws the values a training starts from. The vectors of a phrase of
// fewer tokens than there are vectors are zeros, but for the last ones.
func initial(ctx context.Context, model *Model, m Method, slots []slot, seed uint64) ([]param, error) {
	r := rand.New(rand.NewPCG(seed, 1<<32))
	_, words, err := m.contexts().size()
	if err != nil {
		return nil, err
	}
	out := make([]param, len(slots))
	for i, s := range slots {
		p := param{s, make([]float32, tensor.Shape(s.shape).TotalSize())}
		switch {
		case s.like != "":
			from := slices.IndexFunc(out[:i], func(p param) bool { return p.name == s.like })
			copy(p.data, out[from].data)
		case s.from == fromFanIn:
			bound := 1 / math.Sqrt(float64(fanIn(slots, i)))
			for j := range p.data {
				p.data[j] = float32((2*r.Float64() - 1) * bound)
			}
		case s.from == fromNoise || len(words) == 0:
			for j := range p.data {
				p.data[j] = float32(noise * r.NormFloat64())
			}
		default:
			if err := p.phrase(ctx, model, words); err != nil {
				return nil, err
			}
		}
		out[i] = p
	}
	return out, nil
}

// fanIn is the number of inputs of the linear layer slot i belongs to; a bias
// follows its weight.
func fanIn(slots []slot, i int) int {
	if len(slots[i].shape) == 1 {
		i--
	}
	return slots[i].shape[1]
}

// phrase sets context vectors to the embeddings of words.
func (p param) phrase(ctx context.Context, model *Model, words []int32) error {
	w := p.shape[len(p.shape)-1]
	m := p.shape[len(p.shape)-2]
	words = words[:min(m, len(words))]
	rows, err := model.Texts.Embeddings(ctx, words)
	if err != nil {
		return fmt.Errorf("initial context vectors: %w", err)
	}
	for at := 0; at < len(p.data); at += m * w {
		copy(p.data[at+(m-len(words))*w:], rows)
	}
	return nil
}

// override puts given initial values in place of drawn ones.
func override(params []param, given map[string][]float32) error {
	for name, v := range given {
		i := slices.IndexFunc(params, func(p param) bool { return p.name == name })
		if i < 0 {
			return fmt.Errorf("initial value for %q: nothing of that name trains", name)
		}
		if len(v) != len(params[i].data) {
			return fmt.Errorf("initial value for %q: %d numbers, want %d in shape %v", name, len(v),
				len(params[i].data), params[i].shape)
		}
		params[i].data = slices.Clone(v)
		if err := params[i].check(); err != nil {
			return fmt.Errorf("initial value for %w", err)
		}
	}
	return nil
}

// onEngine are params on an engine.
type onEngine struct {
	engine  engine.Engine
	tensors map[string]*tensor.Dense
}

// upload is for who holds the device.
func upload(e engine.Engine, params []param) (*onEngine, error) {
	o := &onEngine{e, map[string]*tensor.Dense{}}
	for _, p := range params {
		t, err := e.New(tensor.Float32, p.matrix()...)
		if err == nil {
			o.tensors[p.name] = t
			err = e.Upload(t, p.data)
		}
		if err != nil {
			o.close()
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return o, nil
}

// download copies the values back.
func (o *onEngine) download(params []param) error {
	for _, p := range params {
		if err := o.engine.Download(p.data, o.tensors[p.name]); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

func (o *onEngine) close() {
	for _, t := range o.tensors {
		o.engine.Release(t)
	}
}

// Package tower holds what CLIP's image tower and text tower share: their
// parameters on an engine, their transformer blocks, and the compiled programs
// an encoder keeps.
package tower

import (
	"errors"
	"fmt"
	"runtime"

	"clipcalib/internal/engine"
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"
	"clipcalib/weights"

	"gorgonia.org/tensor"
)

// Weights are parameters on an engine, by their OpenAI names. A convolution's
// weight [W, 3, P, P] is held as the matrix [W, 3*P*P] it multiplies by.
type Weights struct {
	Engine engine.Engine

	names   []string // in the order they were added
	tensors map[string]*tensor.Dense
}

// NewWeights returns an empty set.
func NewWeights(e engine.Engine) *Weights {
	return &Weights{Engine: e, tensors: map[string]*tensor.Dense{}}
}

// collectAfter is how many bytes of a checkpoint are read before the collector
// is asked to take what the engine has copied: by itself it lets the heap double.
const collectAfter = 64 << 20

// Load puts the named parameters of a checkpoint on the engine, frozen.
func Load(e engine.Engine, v weights.View, params []weights.Parameter) (*Weights, error) {
	w := NewWeights(e)
	read := 0 // bytes since the collector was asked
	for _, p := range params {
		values, err := v.Get(p.Name, p.Shape...)
		if err == nil {
			err = w.Add(p, values)
		}
		if err != nil {
			w.Close()
			return nil, err
		}
		e.Freeze(w.tensors[p.Name])
		if read += 4 * len(values); read >= collectAfter {
			read = 0
			runtime.GC()
		}
	}
	return w, nil
}

// Pad fills the columns of a frozen matrix up with zeros to the number that the
// engine multiplies fastest: the patch embedding of ViT-L/14 has 588, which are
// no whole 16 bytes of 16-bit numbers. It is done once here, where the weight is
// loaded; the operations that make rows of patches make them as long as the
// weight they meet, so towers know nothing of it. Engines that have no wish, and
// float32, keep the matrix as it is.
func (w *Weights) Pad(name string) error {
	s := w.tensors[name].Shape()
	rows, columns := s[0], s[1]
	wide := engine.Padded(w.Engine, columns)
	if wide == columns {
		return nil
	}
	values, err := w.Floats(name)
	if err != nil {
		return err
	}
	padded := make([]float32, rows*wide)
	for i := range rows {
		copy(padded[i*wide:], values[i*columns:(i+1)*columns])
	}
	t, err := w.Engine.New(tensor.Float32, rows, wide)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	w.Engine.Release(w.tensors[name])
	w.tensors[name] = t
	w.Engine.Freeze(t)
	return w.Engine.Upload(t, padded)
}

// Add puts one parameter on the engine.
func (w *Weights) Add(p weights.Parameter, values []float32) error {
	if w.tensors[p.Name] != nil {
		return fmt.Errorf("%s is there twice", p.Name)
	}
	t, err := w.Engine.New(tensor.Float32, matrixShape(p.Shape)...)
	if err == nil {
		err = w.Engine.Upload(t, values)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", p.Name, err)
	}
	w.tensors[p.Name] = t
	w.names = append(w.names, p.Name)
	return nil
}

func matrixShape(shape []int) []int {
	switch len(shape) {
	case 0:
		return []int{1}
	case 1, 2:
		return shape
	}
	n := 1
	for _, d := range shape[1:] {
		n *= d
	}
	return []int{shape[0], n}
}

// Names lists the parameters in the order they were added.
func (w *Weights) Names() []string { return w.names }

// Tensor returns a parameter, nil if it is not there.
func (w *Weights) Tensor(name string) *tensor.Dense { return w.tensors[name] }

// Close gives the memory back.
func (w *Weights) Close() {
	for _, t := range w.tensors {
		w.Engine.Release(t)
	}
	w.tensors = nil
}

// Bind shows the parameters as leaves of g, made when they are first asked for.
func (w *Weights) Bind(g *graph.Graph) Scope {
	return Scope{g: g, weights: w, leaves: map[string]*graph.Node{}, eps: ops.LayerNormEps}
}

// Scope is a view of a graph's parameters under a prefix.
type Scope struct {
	g       *graph.Graph
	weights *Weights
	leaves  map[string]*graph.Node
	prefix  string
	eps     float32 // of layer norms
}

// NormEps is the scope with another epsilon of its layer norms.
func (s Scope) NormEps(eps float32) Scope {
	s.eps = eps
	return s
}

// Sub narrows the scope to the names under name and a dot.
func (s Scope) Sub(name string) Scope {
	s.prefix += name + "."
	return s
}

// Get returns the leaf of a parameter; a missing one fails the graph.
func (s Scope) Get(name string) *graph.Node {
	name = s.prefix + name
	if n := s.leaves[name]; n != nil {
		return n
	}
	t := s.weights.tensors[name]
	if t == nil {
		s.g.Fail("parameter %s is missing", name)
		t = tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(1))
	}
	n := s.g.Leaf(name, t)
	s.leaves[name] = n
	return n
}

// Floats downloads a parameter.
func (w *Weights) Floats(name string) ([]float32, error) {
	t := w.tensors[name]
	if t == nil {
		return nil, errors.New("parameter " + name + " is missing")
	}
	out := make([]float32, t.Shape().TotalSize())
	return out, w.Engine.Download(out, t)
}

package bench

import (
	"fmt"
	"time"

	"clipcalib/internal/engine"
	"clipcalib/weights"
)

// Product is a shape of matrix product, measured by itself.
type Product struct {
	Shape     string  `json:"shape"`     // a GPU's as in its table of algorithms, a processor's in words
	Algorithm string  `json:"algorithm"` // cuBLAS's settings, or the processor's kernel
	GFLOPS    float64 `json:"gflop_s"`
	Share     float64 `json:"share,omitempty"` // of the measured peak; left out where over it
	Seconds   float64 `json:"seconds"`         // of one: a median
	Runs      int     `json:"runs"`
}

// productBudget is the time for each shape.
const productBudget = 20 * time.Millisecond

// timeProducts measures every product on its own: of a GPU all that were
// computed so far, of a processor those of the image towers' blocks.
func (m *meter) timeProducts() error {
	m.Note(m.run.Precision + ": every product by itself")
	budget := productBudget
	if t, ok := m.e.(engine.ProductTimer); ok {
		shapes := 1
		if i, ok := m.e.(engine.Inspected); ok {
			shapes = len(i.FastPath().Products)
		}
		timed, err := t.TimeProducts(m.ctx, budget*time.Duration(shapes))
		if err != nil && m.ctx.Err() != nil {
			return err
		}
		if err != nil {
			m.run.ProductsUntimed = err.Error()
		}
		for _, p := range timed {
			m.addProduct(p.Shape, p.Algorithm, p.FLOP, p.Seconds, p.Runs)
		}
		return nil
	}
	kernel := m.run.Engine
	if m.run.Kernel != nil {
		kernel = m.run.Kernel.Name
	}
	seen := map[[3]int]bool{}
	for _, name := range m.Models {
		c, err := Config(name)
		if err != nil {
			return err
		}
		for _, batch := range m.Batches {
			for _, p := range blockProducts(c, batch) {
				if seen[p.size] {
					continue
				}
				seen[p.size] = true
				if err := m.timeOne(p, kernel); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (m *meter) addProduct(shape, algorithm string, flop, seconds float64, runs int) {
	m.run.Products = append(m.run.Products, Product{Shape: shape, Algorithm: algorithm, GFLOPS: flop / seconds / 1e9,
		Seconds: seconds, Runs: runs})
}

// namedProduct is a product of a tower's block: rows, columns, depth.
type namedProduct struct {
	name string
	size [3]int
}

// blockProducts are those of a vision transformer; a ResNet's are convolutions,
// which no engine for the processor computes as one product.
func blockProducts(c weights.Config, batch int) []namedProduct {
	v := c.Vision
	if v.ResNet() {
		return nil
	}
	patches := v.Grid() * v.Grid()
	rows, w := batch*(patches+1), v.Width
	return []namedProduct{
		{"patches", [3]int{batch * patches, w, 3 * v.Patch * v.Patch}}, {"qkv", [3]int{rows, 3 * w, w}},
		{"out", [3]int{rows, w, w}}, {"fc1", [3]int{rows, v.MLP, w}}, {"fc2", [3]int{rows, w, v.MLP}},
	}
}

func (m *meter) timeOne(p namedProduct, kernel string) error {
	probe, err := m.biasedProduct(p.size)
	if err != nil {
		return fmt.Errorf("product %s: %w", p.name, err)
	}
	defer probe.free()
	once := *m
	once.Budget, once.Power, once.sensors = productBudget, false, nil
	t, err := once.measure(func(n int) error {
		for range n {
			if err := probe.run(); err != nil {
				return err
			}
		}
		return m.e.Sync()
	})
	if err != nil {
		return err
	}
	m.addProduct(fmt.Sprintf("%s %d x %d x %d, bias", p.name, p.size[0], p.size[1], p.size[2]), kernel, probe.work,
		t.Seconds,
		t.Runs)
	return nil
}

// biasedProduct is a product by frozen weights with a bias, as a layer has it.
func (m *meter) biasedProduct(s [3]int) (probe, error) {
	p, err := m.product(s)
	if err != nil {
		return p, err
	}
	bias, free, err := m.tensors([]int{s[1]})
	if err != nil {
		p.free()
		return p, err
	}
	m.e.Freeze(bias[0])
	of := p.gemm
	of.Bias = bias[0]
	rest := p.free
	p.free = func() { free(); rest() }
	p.run = func() error { return m.e.Gemm(of) }
	return p, nil
}

package graph

import (
	"testing"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/ref"

	"gorgonia.org/tensor"
)

// mixed is an engine with 16-bit activations, good for planning alone.
type mixed struct{ *ref.Engine }

func (mixed) StoresFloat16() bool             { return true }
func (mixed) StoresFloat16Gradients() bool    { return true }
func (mixed) StoresFloat16Residuals() bool    { return true }
func (mixed) Frozen(*tensor.Dense) bool       { return true }
func (mixed) Cast(out, x *tensor.Dense) error { return nil }
func (n mixed) ViewFloat16(_ *tensor.Dense, shape ...int) *tensor.Dense {
	return tensor.New(tensor.Of(engine.Float16), tensor.WithShape(shape...))
}

func TestResultsHave16BitsWhereWriterAndAllReadersAgree(t *testing.T) {
	g := New(mixed{ref.New()})
	defer g.Close()
	x := g.Input("x", tensor.Float32, 4, 8)
	step := func(name string, out bool, in []int, from ...*Node) *Node {
		return g.Apply(Op{Name: name, Out: tensor.Shape{4, 8}, Float16Out: out, Float16In: in,
			Run: func(Call) error { return nil }}, from...)
	}
	both := step("both", true, []int{0}, x)           // read by two that can: 16 bits
	first := step("first", true, []int{0}, both)      // read by one that cannot
	second := step("second", true, []int{0, 1}, both) // read in the place that can: 16 bits
	wide := step("wide", false, []int{0, 1}, second, second)
	mixed := step("mixed", true, []int{1}, first, second) // an output
	p, err := g.Compile(wide, mixed)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	want := map[*Node]bool{both: true, second: true}
	for n, name := range map[*Node]string{both: "both", first: "first", second: "second", wide: "wide",
		mixed: "mixed"} {
		if got := p.entries[n].out.Dtype() == engine.Float16; got != want[n] {
			t.Errorf("%s has 16 bits: %v", name, got)
		}
	}
	if wide := int64(5 * 4 * 32); p.Bytes() >= wide {
		t.Errorf("%d bytes are planned, no fewer than the %d of float32", p.Bytes(), wide)
	}
}

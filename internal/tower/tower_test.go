package tower

import (
	"errors"
	"strings"
	"testing"

	"clipcalib/internal/engine/ref"
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"
	"clipcalib/weights"
)

type closer struct{ closed *int }

func (c closer) Close() { *c.closed++ }

func TestCacheKeepsWhatWasUsedLast(t *testing.T) {
	made, closed := 0, 0
	c := NewCache[int, closer](2)
	get := func(key int) {
		t.Helper()
		if _, err := c.Get(key, func() (closer, error) { made++; return closer{&closed}, nil }); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []int{1, 2, 1, 1, 3, 1} { // 2 gives way to 3
		get(key)
	}
	if made != 3 || closed != 1 {
		t.Fatalf("%d made, %d closed; want 3 and 1", made, closed)
	}
	get(2)
	if made != 4 || closed != 2 {
		t.Fatalf("%d made, %d closed; want 4 and 2", made, closed)
	}
	failed := errors.New("no memory")
	if _, err := c.Get(9, func() (closer, error) { return closer{}, failed }); !errors.Is(err, failed) {
		t.Fatalf("error %v", err)
	}
	c.Close()
	if closed != 4 {
		t.Fatalf("%d of 4 closed", closed)
	}
}

func TestMissingParameterIsNamedInFull(t *testing.T) {
	w := NewWeights(ref.New())
	if err := w.Add(weights.Parameter{Name: "visual.proj", Shape: []int{2, 2}}, make([]float32, 4)); err != nil {
		t.Fatal(err)
	}
	g := graph.New(w.Engine)
	p := w.Bind(g).Sub("visual")
	y := ops.MatMul(g, p.Get("proj"), p.Sub("ln_post").Get("weight"), false, false, 1)
	if _, err := g.Compile(y); err == nil || !strings.Contains(err.Error(), "visual.ln_post.weight") {
		t.Fatalf("error %v does not name the parameter", err)
	}
	if err := w.Add(weights.Parameter{Name: "visual.proj"}, nil); err == nil {
		t.Error("a parameter could be added twice")
	}
}

func TestConvolutionIsHeldAsItsMatrix(t *testing.T) {
	w := NewWeights(ref.New())
	if err := w.Add(weights.Parameter{Name: "conv", Shape: []int{5, 3, 2, 2}}, make([]float32, 60)); err != nil {
		t.Fatal(err)
	}
	if s := w.Tensor("conv").Shape(); s[0] != 5 || s[1] != 12 {
		t.Errorf("shape %v, want [5 12]", s)
	}
}

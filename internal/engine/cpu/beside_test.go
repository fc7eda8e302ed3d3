package cpu

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// TestEnginesSideBySide multiplies by one frozen matrix on several engines at
// once: all give the bytes that one engine gives, on one copy of the matrix.
func TestEnginesSideBySide(t *testing.T) {
	const m, k, n, many = 70, 96, 64, 3
	r := rand.New(rand.NewPCG(1, 2))
	values := func(n int) []float32 {
		out := make([]float32, n)
		for i := range out {
			out[i] = float32(r.NormFloat64())
		}
		return out
	}
	a, b, back := values(m*k), values(k*n), values(m*n)
	upload := func(e engine.Engine, v []float32, shape ...int) *tensor.Dense {
		x, err := e.New(tensor.Float32, shape...)
		if err == nil {
			err = e.Upload(x, v)
		}
		if err != nil {
			t.Error(err)
		}
		return x
	}
	// products multiplies by the matrix and by its transpose.
	products := func(e *Engine, w *tensor.Dense) (out []float32) {
		for range 20 {
			x, dy := upload(e, a, m, k), upload(e, back, m, n)
			y, dx := upload(e, make([]float32, m*n), m, n), upload(e, make([]float32, m*k), m, k)
			if err := e.Gemm(engine.Gemm{Out: y, A: x, B: w, Alpha: 1}); err != nil {
				t.Error(err)
			}
			if err := e.Gemm(engine.Gemm{Out: dx, A: dy, B: w, TransB: true, Alpha: 1}); err != nil {
				t.Error(err)
			}
			out = append(slices.Clone(f32(y)), f32(dx)...)
		}
		return out
	}
	for _, bf16 := range []bool{false, true} {
		t.Run(fmt.Sprintf("bf16 %v", bf16), func(t *testing.T) {
			e, err := New(Options{Threads: 4, BF16: bf16})
			if err != nil {
				t.Fatal(err)
			}
			w := upload(e, b, k, n)
			e.Freeze(w)
			engines, matrices := []*Engine{e}, []*tensor.Dense{w}
			for range many - 1 {
				beside := e.Beside().(*Engine)
				own, err := beside.Adopt(w, e)
				if err != nil {
					t.Fatal(err)
				}
				if &own.Raw[0] != &w.Raw[0] || !own.Shape().Eq(w.Shape()) || beside.Name() != e.Name() {
					t.Fatalf("%s: its own memory, or another shape or name", beside.Name())
				}
				engines, matrices = append(engines, beside), append(matrices, own)
			}
			e.Busy(many)
			if n := e.threads(); n != 1 {
				t.Errorf("%d of 4 threads for one of %d", n, many)
			}
			got := make([][]float32, many)
			var wg sync.WaitGroup
			for i := range engines {
				wg.Go(func() { got[i] = products(engines[i], matrices[i]) })
			}
			wg.Wait()
			e.Busy(-many)
			if n := e.threads(); n != 4 {
				t.Errorf("%d of 4 threads for one alone", n)
			}
			alone, err := New(Options{Threads: 1, BF16: bf16})
			if err != nil {
				t.Fatal(err)
			}
			w = upload(alone, b, k, n)
			alone.Freeze(w)
			want := products(alone, w)
			for i := range got {
				if !slices.Equal(got[i], want) {
					t.Errorf("engine %d gives other bytes than one alone", i)
				}
				own, first := engines[i].frozen[matrices[i]], e.frozen[matrices[0]]
				if bf16 && (len(matrices[i].Raw) != 4 || own.plain != first.plain) {
					t.Errorf("engine %d keeps a copy of its own", i)
				}
			}
			if _, err := e.Beside().(*Engine).Adopt(w, alone); bf16 && err != nil {
				t.Error(err)
			}
			other, _ := New(Options{Threads: 1, BF16: !bf16})
			if _, err := other.Adopt(w, alone); err == nil {
				t.Error("an engine of another precision shares the memory")
			}
		})
	}
}

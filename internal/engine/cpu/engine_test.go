package cpu

import (
	"math"
	"strings"
	"testing"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/cpu/dnnl"

	"gorgonia.org/tensor"
)

func TestMemoryGoesToAndFro(t *testing.T) {
	e, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Int32} {
		x, err := e.New(dt, 2, 3)
		if err != nil {
			t.Fatal(err)
		}
		v := e.View(x, 4)
		if dt == tensor.Int32 {
			in, out := []int32{1, 2, 3, 4, 5, 6}, make([]int32, 4)
			if err := first(e.Upload(x, in), e.Download(out, v)); err != nil || out[3] != 4 {
				t.Fatal(err, out)
			}
		} else {
			in, out := []float32{1, 2, 3, 4, 5, 6}, make([]float32, 4)
			if err := first(e.Upload(x, in), e.Download(out, v)); err != nil || out[3] != 4 {
				t.Fatal(err, out)
			}
		}
		if e.Upload(x, []float64{1}) == nil || e.Upload(x, []float32{1}) == nil || e.Download(make([]int32, 1), x) == nil {
			t.Error("copies that do not fit were accepted")
		}
		e.Release(x)
	}
	if _, err := e.New(tensor.Float64, 2); err == nil {
		t.Error("float64 accepted")
	}
	if _, err := e.New(tensor.Float32, 2, 0); err == nil {
		t.Error("an empty tensor accepted")
	}
}

func TestNameSaysWhatRuns(t *testing.T) {
	e, err := New(Options{Threads: 3, PureGo: true})
	if err != nil {
		t.Fatal(err)
	}
	if n := e.Name(); !strings.HasPrefix(n, "cpu: pure Go (") || !strings.HasSuffix(n, "), 3 threads, fp32") {
		t.Errorf("name %q", n)
	}
	if _, err := New(Options{PureGo: true, BF16: true}); err == nil {
		t.Error("bf16 in pure Go accepted")
	}
	if !dnnl.Available() {
		if _, err := New(Options{BF16: true}); err == nil || !strings.Contains(err.Error(), "libdnnl-dev") {
			t.Errorf("bf16 without oneDNN: %v", err)
		}
	}
}

// TestFrozenWeightsRunInBF16 checks that frozen weights, and only they, are
// rounded to 8 bits of mantissa.
func TestFrozenWeightsRunInBF16(t *testing.T) {
	if !dnnl.HasBF16() {
		t.Skip("needs oneDNN and a processor with bfloat16")
	}
	e, err := New(Options{Threads: 2, BF16: true})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if !strings.HasSuffix(e.Name(), "bf16") {
		t.Errorf("name %q", e.Name())
	}
	const m, n, k = 70, 96, 128
	x, w, y, z := benchTensor(t, e, m, k), benchTensor(t, e, n, k), benchTensor(t, e, m, n), benchTensor(t, e, m, n)
	dy, dx, dz := benchTensor(t, e, m, n), benchTensor(t, e, m, k), benchTensor(t, e, m, k)
	products := func(out, dout *tensor.Dense) {
		t.Helper()
		err := first(e.Gemm(engine.Gemm{Out: out, A: x, B: w, TransB: true, Alpha: 1}), e.Gemm(engine.Gemm{Out: dout, A: dy, B: w, Alpha: 1}))
		if err != nil {
			t.Fatal(err)
		}
	}
	products(y, dx)
	e.Freeze(w)
	products(z, dz)
	for _, pair := range [][2]*tensor.Dense{{y, z}, {dx, dz}} {
		a, b := f32(pair[0]), f32(pair[1])
		var diff, size float64
		for i := range a {
			diff += math.Pow(float64(a[i]-b[i]), 2)
			size += math.Pow(float64(a[i]), 2)
		}
		if r := math.Sqrt(diff / size); r == 0 || r > 1e-2 {
			t.Errorf("relative difference %g of bf16 to fp32", r)
		}
	}
	e.Release(w)
	if len(e.frozen) != 0 {
		t.Error("released weights are still packed")
	}
}

func TestMisfitsAreErrors(t *testing.T) {
	eachEngine(t, func(b *bench) {
		e, x, y, v := b.cpu, b.tensor(4, 6), b.tensor(6, 4), b.tensor(5)
		idx, far := b.ints([]int32{0, 1, 2, 3}, 4), b.ints([]int32{0, 1, 2, 9}, 4)
		for name, err := range map[string]error{
			"gemm":            e.Gemm(engine.Gemm{Out: x, A: x, B: x, Alpha: 1}),
			"gemm bias":       e.Gemm(engine.Gemm{Out: b.empty(4, 4), A: x, B: y, Alpha: 1, Bias: v}),
			"gemm nothing":    e.Gemm(engine.Gemm{}),
			"column sum":      e.ColSum(v, x),
			"activation":      e.Act(v, x, engine.ReLU),
			"sum":             e.Sum(x, x, v),
			"layer norm":      e.LayerNorm(x, x, v, v, 1e-5),
			"attention heads": e.Attention(b.empty(4, 2), x, 1, 4, 5),
			"attention rows":  e.Attention(b.empty(4, 2), x, 3, 2, 1),
			"tree parent":     e.TreeAttention(b.empty(4, 2), x, b.ints([]int32{-1, 2, 1, 2, 0, 1, 2, 3, 4, 4, 4, 4}, 3, 4), 1),
			"tree depth":      e.TreeAttention(b.empty(4, 2), x, b.ints([]int32{-1, 0, 1, 2, 0, 1, 2, 999, 4, 4, 4, 4}, 3, 4), 1),
			"gather":          e.Gather(b.empty(4, 6), x, far),
			"scatter":         e.ScatterAdd(b.empty(4, 6), x, far),
			"slice":           e.Slice(b.empty(3, 6), x, 2),
			"patchify":        e.Patchify(b.empty(4, 3), b.tensor(1, 3, 2, 2), 3),
			"wide patches":    e.Patchify(b.empty(4, 2), b.tensor(1, 3, 2, 2), 1),
			"pixels":          e.Pixels(b.empty(4, 3), b.ints(make([]int32, 4), 1, 4), b.tensor(3, 256), 2, 1),
			"table":           e.Pixels(b.empty(4, 3), b.ints(make([]int32, 3), 1, 3), b.tensor(3, 255), 2, 1),
			"label":           e.CrossEntropy(b.empty(1), nil, b.tensor(4, 9), far, engine.CrossEntropy{}),
			"step":            e.AdamW(v, v, v, v, engine.AdamW{}, 0),
		} {
			if err == nil {
				b.Errorf("%s: no error", name)
			}
		}
		if err := e.Gather(b.empty(4, 6), x, idx); err != nil {
			b.Error(err)
		}
	})
}

// TestSameInputsGiveSameBytes runs kernels that sum across rows several times.
func TestSameInputsGiveSameBytes(t *testing.T) {
	eachEngine(t, func(b *bench) {
		const m, n = 501, 96
		x, dy, g := b.tensor(m, n), b.tensor(m, n), b.tensor(n)
		var want []float32
		for run := range 4 {
			dx, dg, db, w, s := b.empty(m, n), b.empty(n), b.empty(n), b.empty(n, n), b.empty(1)
			err := first(b.cpu.LayerNormGrad(dx, dg, db, x, g, dy, 1e-5),
				b.cpu.Gemm(engine.Gemm{Out: w, A: dy, B: x, TransA: true, Alpha: 1}), b.cpu.Dot(s, 1, x, dy))
			if err != nil {
				b.Fatal(err)
			}
			var got []float32
			for _, t := range []*tensor.Dense{dx, dg, db, w, s} {
				got = append(got, f32(t)...)
			}
			if run == 0 {
				want = got
			}
			for i := range got {
				if got[i] != want[i] {
					b.Fatalf("run %d differs at %d", run, i)
				}
			}
		}
	})
}

// TestNaNIsNotHidden keeps a broken value visible up to the loss.
func TestNaNIsNotHidden(t *testing.T) {
	eachEngine(t, func(b *bench) {
		for _, sign := range []float32{1, -1} {
			nan := float32(math.Copysign(math.NaN(), float64(sign)))
			for _, at := range []int{0, 3, 8, 20} {
				x, w, loss, y := b.tensor(1, 21), b.tensor(1, 21), b.empty(1), b.empty(1, 21)
				f32(x)[at] = nan
				for act := engine.Identity; act <= engine.ReLU; act++ {
					if err := b.cpu.Act(y, x, act); err != nil {
						b.Fatal(err)
					}
					if v := f32(y)[at]; v == v {
						b.Errorf("activation %d of NaN at %d is %v", act, at, v)
					}
				}
				if err := b.cpu.CrossEntropy(loss, w, x, b.ints([]int32{1}, 1), engine.CrossEntropy{}); err != nil {
					b.Fatal(err)
				}
				if l := f32(loss)[0]; l == l {
					b.Errorf("loss of logits with NaN at %d is %v", at, l)
				}
				qkv, out := b.tensor(4, 24), b.empty(4, 8)
				f32(qkv)[at] = nan
				if err := b.cpu.Attention(out, qkv, 1, 4, 1); err != nil {
					b.Fatal(err)
				}
				var sum float32
				for _, v := range f32(out) {
					sum += v
				}
				if sum == sum {
					b.Errorf("attention hides NaN at %d", at)
				}
			}
		}
	})
}

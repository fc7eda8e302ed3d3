//go:build unix

package cpu

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// eachMode benchmarks on every way of computing this program has.
func eachMode(b *testing.B, f func(b *testing.B, e *Engine)) {
	for _, o := range []Options{{}, {BF16: true}} {
		e, err := New(o)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(strings.NewReplacer("cpu: ", "", " ", "_").Replace(e.Name()), func(b *testing.B) { f(b, e) })
		e.Close()
	}
}

// processorTime returns the seconds of processor time this process has used,
// which other work on the machine hardly changes.
func processorTime() float64 {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9
}

// block is one block of a transformer on batch sequences of tokens.
type block struct {
	e                             *Engine
	batch, tokens, heads          int
	x, y, qkv, att, hid           *tensor.Dense
	g, b, wqkv, wout, wup, wdown  *tensor.Dense
	bqkv, bout, bup, bdown, dx, z *tensor.Dense
}

func newBlock(b testing.TB, e *Engine, batch, tokens, width int) *block {
	m := batch * tokens
	n := func(shape ...int) *tensor.Dense { return benchTensor(b, e, shape...) }
	k := &block{e: e, batch: batch, tokens: tokens, heads: width / 64,
		x: n(m, width), y: n(m, width), qkv: n(m, 3*width), att: n(m, width), hid: n(m, 4*width),
		g: n(width), b: n(width), wqkv: n(3*width, width), wout: n(width, width), wup: n(4*width, width),
		wdown: n(width, 4*width),
		bqkv:  n(3 * width), bout: n(width), bup: n(4 * width), bdown: n(width), dx: n(m, 3*width), z: n(m, 4*width)}
	if e.StoresFloat16() {
		for _, t := range []**tensor.Dense{&k.y, &k.qkv, &k.att, &k.hid, &k.z, &k.dx} {
			wide := *t
			*t = e.ViewFloat16(benchTensor(b, e, (elements(wide)+1)/2), wide.Shape()...)
			if err := e.Cast(*t, wide); err != nil {
				b.Fatal(err)
			}
		}
	}
	for _, w := range []*tensor.Dense{k.wqkv, k.wout, k.wup, k.wdown} {
		e.Freeze(w)
	}
	return k
}

func (k *block) linear(out, x, w, bias, res *tensor.Dense, act engine.Act) error {
	return k.e.Gemm(engine.Gemm{Out: out, A: x, B: w, TransB: true, Alpha: 1, Bias: bias, Act: act, Residual: res})
}

func (k *block) norm() error { return k.e.LayerNorm(k.y, k.x, k.g, k.b, 1e-5) }

func (k *block) attention() error {
	return k.e.Attention(k.att, k.qkv, k.batch, k.tokens, k.heads)
}

func (k *block) forward() error {
	return first(
		k.norm(),
		k.linear(k.qkv, k.y, k.wqkv, k.bqkv, nil, engine.Identity),
		k.attention(),
		k.linear(k.x, k.att, k.wout, k.bout, k.x, engine.Identity),
		k.norm(),
		k.linear(k.hid, k.y, k.wup, k.bup, nil, engine.QuickGELU),
		k.linear(k.x, k.hid, k.wdown, k.bdown, k.x, engine.Identity),
	)
}

// BenchmarkBlock runs one block of ViT-B/16 on 8 images, and its parts.
func BenchmarkBlock(b *testing.B) {
	eachMode(b, func(b *testing.B, e *Engine) {
		k := newBlock(b, e, 8, 197, 768)
		m, w, t := 8.*197, 768., 197.
		rows := 8 * 197
		n := func(columns int) *tensor.Dense { return benchTensor(b, e, rows, columns) }
		att, datt, dy, dh, dw := n(768), n(768), n(768), n(4*768), benchTensor(b, e, 4*768, 768)
		for _, part := range []struct {
			name string
			run  func() error
			flop float64
		}{
			{"whole", k.forward, 24*m*w*w + 4*m*t*w},
			{"qkv", func() error { return k.linear(k.qkv, k.y, k.wqkv, k.bqkv, nil, engine.Identity) }, 6 * m * w * w},
			{"up-quickgelu", func() error { return k.linear(k.hid, k.y, k.wup, k.bup, nil, engine.QuickGELU) },
				8 * m * w * w},
			{"up-gelu", func() error { return k.linear(k.hid, k.y, k.wup, k.bup, nil, engine.GELU) }, 8 * m * w * w},
			{"down-residual", func() error { return k.linear(k.y, k.hid, k.wdown, k.bdown, k.x, engine.Identity) },
				8 * m * w * w},
			{"attention", k.attention, 4 * m * t * w},
			{"layernorm", k.norm, 8 * m * w},
			{"quickgelu-gradient", func() error { return e.ActGrad(k.z, k.hid, dh, engine.QuickGELU) }, 40 * m * w},
			{"attention-gradient", func() error {
				return e.AttentionGrad(k.dx, k.qkv, k.att, datt, k.batch, k.tokens, k.heads)
			}, 10 * m * t * w},
			{"up-weight-gradient", func() error {
				return e.Gemm(engine.Gemm{Out: dw, A: k.z, B: k.y, TransA: true, Alpha: 1, Narrow: true})
			}, 8 * m * w * w},
			{"layernorm-gradient", func() error { return e.LayerNormGrad(dy, k.g, k.b, k.x, k.bout, att, 1e-5) },
				14 * m * w},
		} {
			b.Run(part.name, func(b *testing.B) { rate(b, part.flop, part.run) })
		}
	})
}

// rate runs a kernel of so many operations and reports its speed by the clock
// and by the processor time spent.
func rate(b *testing.B, flop float64, run func() error) {
	if err := run(); err != nil {
		b.Fatal(err)
	}
	start := processorTime()
	for b.Loop() {
		if err := run(); err != nil {
			b.Fatal(err)
		}
	}
	work := flop * float64(b.N) / 1e9
	b.ReportMetric(work/b.Elapsed().Seconds(), "GFLOP/s")
	b.ReportMetric(work/(processorTime()-start), "GFLOP/cpu-s")
}

// BenchmarkGemm runs products of ViT-B/16 at batch 8, of an adapter on 1,000
// classes, of the text tower over 4,008 trie nodes, and of their gradients.
func BenchmarkGemm(b *testing.B) {
	eachMode(b, func(b *testing.B, e *Engine) {
		for _, s := range []struct {
			name           string
			transA, transB bool
			m, n, k        int
		}{
			{"attention-out", false, true, 1576, 768, 768},
			{"mlp-up", false, true, 1576, 3072, 768},
			{"mlp-down", false, true, 1576, 768, 3072},
			{"adapter", false, true, 256, 1000, 512},
			{"text-up", false, true, 4008, 2048, 512},
			{"input-gradient", false, false, 1576, 768, 3072},
			{"weight-gradient", true, false, 3072, 768, 1576},
			{"small", false, true, 32, 64, 64},
		} {
			b.Run(fmt.Sprintf("%s_%dx%dx%d", s.name, s.m, s.n, s.k), func(b *testing.B) {
				g := engine.Gemm{TransA: s.transA, TransB: s.transB, Alpha: 1, Out: benchTensor(b, e, s.m, s.n),
					A: benchTensor(b, e, s.m, s.k), B: benchTensor(b, e, s.k, s.n)}
				if s.transA {
					g.A = benchTensor(b, e, s.k, s.m)
				}
				if s.transB {
					g.B = benchTensor(b, e, s.n, s.k)
				}
				if !s.transA { // of a frozen weight
					e.Freeze(g.B)
					defer e.Release(g.B)
				}
				rate(b, 2*float64(s.m)*float64(s.n)*float64(s.k), func() error { return e.Gemm(g) })
			})
		}
	})
}

// BenchmarkTree runs attention over the trie of 1,000 class prompts: a common
// stem of 5 tokens and about 4 tokens of its own for each class.
func BenchmarkTree(b *testing.B) {
	eachMode(b, func(b *testing.B, e *Engine) {
		const stem, classes, own = 5, 1000, 4
		n := stem + classes*own
		tree := make([]int32, 3*n)
		for i := range n {
			tree[i], tree[n+i], tree[2*n+i] = int32(i-1), int32(i), int32(n)
			if j := i - stem; j >= 0 {
				tree[n+i], tree[2*n+i] = int32(stem+j%own), int32(i-j%own+own)
				if j%own == 0 {
					tree[i] = stem - 1
				}
			}
		}
		t, err := e.New(tensor.Int32, 3, n)
		if err != nil {
			b.Fatal(err)
		}
		copy(i32(t), tree)
		qkv, out, dq := benchTensor(b, e, n, 1536), benchTensor(b, e, n, 512), benchTensor(b, e, n, 1536)
		dout := benchTensor(b, e, n, 512)
		if e.StoresFloat16() {
			for _, t := range []**tensor.Dense{&qkv, &out, &dq} {
				wide := *t
				*t = e.ViewFloat16(benchTensor(b, e, elements(wide)/2), wide.Shape()...)
				if err := e.Cast(*t, wide); err != nil {
					b.Fatal(err)
				}
			}
		}
		for name, run := range map[string]func() error{
			"forward":  func() error { return e.TreeAttention(out, qkv, t, 8) },
			"gradient": func() error { return e.TreeAttentionGrad(dq, qkv, out, dout, t, 8) },
		} {
			b.Run(name, func(b *testing.B) {
				start := processorTime()
				for b.Loop() {
					if err := run(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(1e3*(processorTime()-start)/float64(b.N), "cpu-ms/op")
			})
		}
	})
}

// BenchmarkCrossEntropy runs the loss of an adapter on ImageNet's classes.
func BenchmarkCrossEntropy(b *testing.B) {
	eachMode(b, func(b *testing.B, e *Engine) {
		const n, k = 256, 1000
		x, d, loss := benchTensor(b, e, n, k), benchTensor(b, e, n, k), benchTensor(b, e, 1)
		labels, err := e.New(tensor.Int32, n)
		if err != nil {
			b.Fatal(err)
		}
		for _, f := range []engine.CrossEntropy{{}, {FocalGamma: 3}} {
			b.Run(fmt.Sprint("focal=", f.FocalGamma), func(b *testing.B) {
				for b.Loop() {
					if err := e.CrossEntropy(loss, d, x, labels, f); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	})
}

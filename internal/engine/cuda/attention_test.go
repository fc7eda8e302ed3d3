//go:build linux

package cuda

import (
	"fmt"
	"strings"
	"testing"
)

// TestAttentionTakesTheKernelThatFits looks which kernel ran, and that it wrote
// its result, all of it and nothing beside it.
func TestAttentionTakesTheKernelThatFits(t *testing.T) {
	const batch, tokens = 2, 5
	for _, c := range []struct {
		p          Precision
		capability int
		float16    bool
		heads, dim int
		want       string
	}{
		{BF16, 90, true, 3, 64, "attention_bf16"},
		{FP16, 80, true, 3, 64, "attention_fp16"},
		{BF16, 90, false, 3, 64, "attention_tf32"},
		{TF32, 80, false, 3, 64, "attention_tf32"},
		{FP32, 90, false, 3, 64, "attention_64"},
		{FP16, 75, false, 3, 64, "attention_64"},
		{TF32, 80, false, 2, 80, "attention_128"},
		{BF16, 90, true, 2, 80, "attention_128"},
		{BF16, 90, true, 2, 24, "attention_32"},
	} {
		f := newFake(t)
		f.info.Capability = c.capability
		e, err := New(f, Options{Precision: c.p})
		if err != nil {
			t.Fatal(err)
		}
		w := c.heads * c.dim
		n := batch * tokens * w
		in, out := mustNew(t, e, 3*n), mustNew(t, e, n+100)
		view := e.View
		words := n
		if c.float16 {
			view, words = e.ViewFloat16, n/2
		}
		if err := first(e.Fill(in, 0), e.Fill(out, 7), e.Attention(view(out, batch*tokens, w), view(in, batch*tokens,
			3*w), batch, tokens, c.heads)); err != nil {
			t.Fatal(err)
		}
		got := make([]float32, n+100)
		if err := e.Download(got, out); err != nil {
			t.Fatal(err)
		}
		for i, v := range got {
			if want := map[bool]float32{true: 0, false: 7}[i < words]; v != want {
				t.Errorf("%v, heads of %d, %d: word %d is %v, want %v", c.p, c.dim, c.capability, i, v, want)
				break
			}
		}
		ran := ""
		for _, l := range f.launches {
			if len(l.Kernel) > 9 && l.Kernel[:9] == "attention" {
				ran += l.Kernel
			}
		}
		if ran != c.want {
			t.Errorf("%v, heads of %d, %d: %s ran, want %s", c.p, c.dim, c.capability, ran, c.want)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestAttentionGradTakesTheKernelsThatFit looks which kernels ran.
func TestAttentionGradTakesTheKernelsThatFit(t *testing.T) {
	const stock = "attention_grad_q_%d attention_grad_v_%[1]d attention_grad_k_%[1]d"
	for _, c := range []struct {
		p               Precision
		capability, dim int
		want            string
	}{
		{TF32, 80, 64, "attention_grad_q_tf32 attention_grad_kv_tf32"},
		{BF16, 90, 64, "attention_grad_q_tf32 attention_grad_kv_tf32"},
		{FP16, 120, 64, "attention_grad_q_tf32 attention_grad_kv_tf32"},
		{FP32, 90, 64, fmt.Sprintf(stock, 64)},
		{FP16, 75, 64, fmt.Sprintf(stock, 64)},
		{TF32, 90, 80, fmt.Sprintf(stock, 128)},
	} {
		f := newFake(t)
		f.info.Capability = c.capability
		e, err := New(f, Options{Precision: c.p})
		if err != nil {
			t.Fatal(err)
		}
		const rows, heads = 5, 2
		n := rows * heads * c.dim
		in, grad, out := mustNew(t, e, 3*n), mustNew(t, e, 3*n), mustNew(t, e, n)
		w := heads * c.dim
		if err := first(e.Fill(in, 0), e.Fill(out, 0), e.AttentionGrad(e.View(grad, rows, 3*w), e.View(in, rows, 3*w),
			e.View(out, rows, w), e.View(out, rows, w), 1, rows, heads)); err != nil {
			t.Fatal(err)
		}
		var ran []string
		for _, l := range f.launches {
			if strings.HasPrefix(l.Kernel, "attention") {
				ran = append(ran, l.Kernel)
			}
		}
		if got := strings.Join(ran, " "); got != c.want {
			t.Errorf("%v, heads of %d, %d: %s ran, want %s", c.p, c.dim, c.capability, got, c.want)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestGradientOf16BitsIsRefused checks that the gradient, which is float32, says
// so rather than read 16-bit values as such.
func TestGradientOf16BitsIsRefused(t *testing.T) {
	e, _ := open(t, Options{Precision: BF16})
	x := mustNew(t, e, 3*64)
	grad, out := e.View(x, 1, 3*64), e.View(x, 1, 64)
	if err := e.AttentionGrad(grad, e.ViewFloat16(x, 1, 3*64), out, out, 1, 1, 1); err == nil {
		t.Error("an input projection of 16 bits was accepted")
	}
}

func TestTensorBlocksLeaveFewWarpsIdle(t *testing.T) {
	for tokens, want := range map[int][2]int{1: {1, 1}, 16: {1, 1}, 17: {2, 1}, 50: {4, 1}, 64: {4, 1}, 65: {5, 1},
		197: {7, 2}, 257: {6, 3}, 577: {8, 5}} {
		if w, b := tensorBlocks(tokens); w != want[0] || b != want[1] {
			t.Errorf("%d tokens: %d warps in %d blocks, want %v", tokens, w, b, want)
		}
	}
	for tokens := 1; tokens < 2000; tokens++ {
		if w, b := tensorBlocks(tokens); w > mostWarps || w*b*tensorQueries < tokens {
			t.Fatalf("%d tokens: %d warps in %d blocks", tokens, w, b)
		}
	}
}

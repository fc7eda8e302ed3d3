package enginetest

import (
	"fmt"

	"clipcalib/internal/engine"
)

// attention checks attention within sequences and its gradient; the numbers are
// batch, tokens, heads and the size of a head.
func (b *bench) attention() {
	shapes := [][4]int{{1, 1, 1, 1}, {2, 5, 3, 7}, {3, 50, 2, 64}, {2, 70, 1, 64}, {2, 17, 4, 16}, {1, 130, 1, 32},
		{2, 64, 1, 40}, {2, 37, 1, 80}, {1, 33, 2, 128}}
	if b.large {
		shapes = append(shapes, [4]int{1, 197, 3, 64}, [4]int{1, 300, 1, 32})
	}
	for _, s := range shapes {
		b.sequences(s[0], s[1], s[2], s[3])
	}
}

// longAttention checks the lengths of the published image towers.
func (b *bench) longAttention() {
	if !b.large {
		b.Skip("sequences of 577 tokens take an emulator minutes")
	}
	for _, tokens := range []int{50, 197, 257} {
		b.sequences(3, tokens, 2, 64)
	}
	b.sequences(1, 577, 2, 64) // what the reference is slow in
}

func (b *bench) sequences(batch, tokens, heads, dim int) {
	b.Helper()
	b.expect(attentions)
	rows, w := batch*tokens, heads*dim
	in := []array{b.normal(rows, 3*w), b.normal(rows, w)}
	what := fmt.Sprint([]int{batch, tokens, heads, dim})
	b.same("Attention "+what, in, func(e engine.Engine, i, o tensors) error {
		return e.Attention(o[0], i[0], batch, tokens, heads)
	}, sh(rows, w))
	b.same("AttentionGrad "+what, in, func(e engine.Engine, i, o tensors) error {
		if err := e.Attention(o[0], i[0], batch, tokens, heads); err != nil {
			return err
		}
		return e.AttentionGrad(o[1], i[0], o[0], i[1], batch, tokens, heads)
	}, sh(rows, w), sh(rows, 3*w))
}

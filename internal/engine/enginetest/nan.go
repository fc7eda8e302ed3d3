package enginetest

import (
	"math"

	"clipcalib/internal/engine"
)

// nan checks that a broken value stays visible up to the loss.
func (b *bench) nan() {
	for _, sign := range []float64{1, -1} {
		nan := float32(math.Copysign(math.NaN(), sign))
		for _, at := range []int{0, 3, 8, 20} {
			x := b.normal(1, 21)
			x.floats[at] = nan
			for act := engine.Identity; act <= engine.ReLU; act++ {
				y := b.run(b.e, "Act", []array{x}, func(e engine.Engine, i, o tensors) error {
					return e.Act(o[0], i[0], act)
				}, false, [][]int{sh(1, 21)})[0]
				if v := y[at]; v == v {
					b.Errorf("activation %d of NaN at %d is %v", act, at, v)
				}
			}
			loss := b.run(b.e, "CrossEntropy", []array{x, ints([]int32{1}, 1)}, func(e engine.Engine, i,
				o tensors) error {
				return e.CrossEntropy(o[0], o[1], i[0], i[1], engine.CrossEntropy{})
			}, false, [][]int{sh(1), sh(1, 21)})[0][0]
			if loss == loss {
				b.Errorf("loss of logits with NaN at %d is %v", at, loss)
			}
			qkv := b.normal(4, 24)
			qkv.floats[at] = nan
			var sum float32
			for _, v := range b.run(b.e, "Attention", []array{qkv}, func(e engine.Engine, i, o tensors) error {
				return e.Attention(o[0], i[0], 1, 4, 1)
			}, false, [][]int{sh(4, 8)})[0] {
				sum += v
			}
			if sum == sum {
				b.Errorf("attention hides NaN at %d", at)
			}
		}
	}
}

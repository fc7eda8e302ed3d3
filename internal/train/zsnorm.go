package train

import (
	"clipcalib/calib"
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"
)

// ZSNorm maps the logits to the zero-shot range inside the training loss, the
// extremes not detached. The trained model's logits are used as they are.
type ZSNorm struct{}

// Name is "zs-norm".
func (ZSNorm) Name() string { return "zs-norm" }

// Choices says in words what the remedy does.
func (ZSNorm) Choices() []string {
	return []string{"remedy: zs-norm, in the training loss only; extremes of the adapted logits not detached"}
}

// TuningChoice is Choices for test-time tuning.
func (ZSNorm) TuningChoice() string { return "remedy: zs-norm, in the tuning loss only" }

// MapLogits maps every row of the logits to its zero-shot range.
func (ZSNorm) MapLogits(logits *graph.Node, zs *Reference) *graph.Node {
	g, _ := graph.Of(logits)
	return ops.RangeMap(g, logits, zs.Range())
}

// MapLogitsHost is MapLogits on the host. With u the place of a logit in its
// row's range, the mapped logit is (1-u) min + u max of the reference, which
// shows the gradients of the two.
func (ZSNorm) MapLogitsHost(l, zs calib.Matrix) (calib.Matrix, func(upstream, dl, dzs calib.Matrix) error, error) {
	zs = spread(zs, l.N)
	m, err := calib.ZSNorm(l, zs)
	back := func(upstream, dl, dzs calib.Matrix) error {
		d, err := calib.ZSNormGrad(l, zs, upstream)
		if err != nil {
			return err
		}
		for i, g := range d.Data {
			dl.Data[i] += g
		}
		for v := range min(l.N, l.N*dzs.N) {
			row := zs.Row(v)
			top, bottom := calib.ArgMax(row), argMin(row)
			lo, hi := row[bottom], row[top]
			dst := shared(dzs, v)
			for k, g := range upstream.Row(v) {
				u := 0.0
				if hi > lo {
					u = (m.Row(v)[k] - lo) / (hi - lo)
				}
				dst[top] += g * u
				dst[bottom] += g * (1 - u)
			}
		}
		return nil
	}
	return m, back, err
}

// spread returns a reference of n rows: zs itself, or its one row repeated.
func spread(zs calib.Matrix, n int) calib.Matrix {
	if zs.N == n {
		return zs
	}
	out := calib.NewMatrix(n, zs.K)
	for v := range n {
		copy(out.Row(v), shared(zs, v))
	}
	return out
}

// shared is row v of a reference that has that row, or one for all.
func shared(zs calib.Matrix, v int) []float64 {
	if zs.N == 1 {
		v = 0
	}
	return zs.Row(v)
}

func argMin(x []float64) int {
	at := 0
	for i, v := range x {
		if v < x[at] {
			at = i
		}
	}
	return at
}

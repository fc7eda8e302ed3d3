package ops

import (
	"math"

	"clipcalib/internal/graph"
)

// The operations of this file are computed on the host, in float64: devices have
// no kernels for them.

// RowMax returns the maximum of every row of x [B, K], [B]. The first of the
// entries that reach it takes the gradient.
func RowMax(g *graph.Graph, x *Node) *Node { return rowExtreme(g, "row maximum", x, argMax) }

// RowMin returns the minimum of every row of x [B, K], [B]; its gradient is
// RowMax's.
func RowMin(g *graph.Graph, x *Node) *Node { return rowExtreme(g, "row minimum", x, argMin) }

// argMax and argMin return the first place of a row's extreme, or of its first
// NaN.
func argMax(row []float32) (at int) {
	for j, v := range row {
		if !(v <= row[at]) && row[at] == row[at] {
			at = j
		}
	}
	return at
}

func argMin(row []float32) (at int) {
	for j, v := range row {
		if !(v >= row[at]) && row[at] == row[at] {
			at = j
		}
	}
	return at
}

func rowExtreme(g *graph.Graph, name string, x *Node, find func(row []float32) int) *Node {
	if g.Err() != nil {
		return x
	}
	k := cols(x)
	return g.Apply(graph.Op{
		Name: name,
		Out:  shape(rows(x)),
		Host: func(out []float32, in [][]float32) {
			for i := range out {
				row := in[0][i*k : (i+1)*k]
				out[i] = row[find(row)]
			}
		},
		Grad: func(g *graph.Graph, in []*Node, _, dy *Node, _ []bool) []*Node {
			return []*Node{g.Apply(graph.Op{
				Name: name + " gradient",
				Out:  in[0].Shape(),
				Host: func(out []float32, in [][]float32) {
					clear(out)
					for i, d := range in[1] {
						out[i*k+find(in[0][i*k:(i+1)*k])] = d
					}
				},
			}, in[0], dy)}
		},
	}, x)
}

// softmax writes the probabilities of a row to p and returns its log-sum-exp.
func softmax(p []float64, row []float32) float64 {
	top := math.Inf(-1)
	for _, v := range row {
		top = math.Max(top, float64(v))
	}
	var sum float64
	for j, v := range row {
		p[j] = math.Exp(float64(v) - top)
		sum += p[j]
	}
	for j := range p {
		p[j] /= sum
	}
	return top + math.Log(sum)
}

// perRow is an operation on the rows of x [B, K] with its gradient: f writes a
// row of the result, [B, K], and df that of the gradient, given the upstream one.
func perRow(g *graph.Graph, name string, x *Node,
	f func(out, row []float32, p []float64), df func(dx, row, dy []float32, p []float64),
) *Node {
	if g.Err() != nil {
		return x
	}
	k := cols(x)
	return g.Apply(graph.Op{
		Name: name,
		Out:  x.Shape(),
		Host: func(out []float32, in [][]float32) {
			p := make([]float64, k)
			for i := 0; i < len(out); i += k {
				f(out[i:i+k], in[0][i:i+k], p)
			}
		},
		Grad: func(g *graph.Graph, in []*Node, _, dy *Node, _ []bool) []*Node {
			return []*Node{g.Apply(graph.Op{
				Name: name + " gradient",
				Out:  in[0].Shape(),
				Host: func(out []float32, in [][]float32) {
					p := make([]float64, k)
					for i := 0; i < len(out); i += k {
						df(out[i:i+k], in[0][i:i+k], in[1][i:i+k], p)
					}
				},
			}, in[0], dy)}
		},
	}, x)
}

// Softmax returns exp(x) over its sum, row by row.
func Softmax(g *graph.Graph, x *Node) *Node {
	return perRow(g, "softmax", x, func(out, row []float32, p []float64) {
		softmax(p, row)
		for j := range out {
			out[j] = float32(p[j])
		}
	}, func(dx, row, dy []float32, p []float64) {
		softmax(p, row)
		var mean float64
		for j := range p {
			mean += p[j] * float64(dy[j])
		}
		for j := range dx {
			dx[j] = float32(p[j] * (float64(dy[j]) - mean))
		}
	})
}

// LogSoftmax returns x minus the logarithm of the sum of exp(x), row by row.
func LogSoftmax(g *graph.Graph, x *Node) *Node {
	return perRow(g, "log-softmax", x, func(out, row []float32, p []float64) {
		lse := softmax(p, row)
		for j := range out {
			out[j] = float32(float64(row[j]) - lse)
		}
	}, func(dx, row, dy []float32, p []float64) {
		softmax(p, row)
		var sum float64
		for _, d := range dy {
			sum += float64(d)
		}
		for j := range dx {
			dx[j] = float32(float64(dy[j]) - p[j]*sum)
		}
	})
}

// RowEntropy returns the entropy of the softmax of every row of logits [B, K],
// in nats, [B].
func RowEntropy(g *graph.Graph, logits *Node) *Node {
	if g.Err() != nil {
		return logits
	}
	k := cols(logits)
	return g.Apply(graph.Op{
		Name: "row entropy",
		Out:  shape(rows(logits)),
		Host: func(out []float32, in [][]float32) {
			p := make([]float64, k)
			for i := range out {
				row := in[0][i*k : (i+1)*k]
				out[i] = float32(entropy(p, row, softmax(p, row)))
			}
		},
		Grad: func(g *graph.Graph, in []*Node, _, dy *Node, _ []bool) []*Node {
			return []*Node{g.Apply(graph.Op{
				Name: "row entropy gradient",
				Out:  in[0].Shape(),
				Host: func(out []float32, in [][]float32) {
					p := make([]float64, k)
					for i, d := range in[1] {
						row := in[0][i*k : (i+1)*k]
						lse := softmax(p, row)
						h := entropy(p, row, lse)
						for j, v := range row { // dH/dx = -p (log p + H)
							out[i*k+j] = float32(-float64(d) * p[j] * (float64(v) - lse + h))
						}
					}
				},
			}, in[0], dy)}
		},
	}, logits)
}

// entropy is that of the probabilities p of a row whose log-sum-exp is lse. A
// probability of 0 adds nothing.
func entropy(p []float64, row []float32, lse float64) (h float64) {
	for j, v := range row {
		if p[j] > 0 {
			h -= p[j] * (float64(v) - lse)
		}
	}
	return h
}

// Entropy is the mean over the batch of the entropies of softmax(logits), in
// nats, [1].
func Entropy(g *graph.Graph, logits *Node) *Node {
	if g.Err() != nil {
		return logits
	}
	h := RowEntropy(g, logits)
	n := rows(logits)
	ones := make([]float32, n)
	for i := range ones {
		ones[i] = 1
	}
	return Dot(g, 1/float32(n), h, Constant(g, "ones", ones, n))
}

// EntropyOfMean is the entropy of the mean over the batch of softmax(logits), in
// nats, [1].
func EntropyOfMean(g *graph.Graph, logits *Node) *Node {
	if g.Err() != nil {
		return logits
	}
	n, k := rows(logits), cols(logits)
	mean := func(x []float32) []float64 {
		q, p := make([]float64, k), make([]float64, k)
		for i := 0; i < n; i++ {
			softmax(p, x[i*k:(i+1)*k])
			for j := range q {
				q[j] += p[j] / float64(n)
			}
		}
		return q
	}
	return g.Apply(graph.Op{
		Name: "entropy of the mean",
		Out:  shape(1),
		Host: func(out []float32, in [][]float32) {
			var h float64
			for _, q := range mean(in[0]) {
				if q > 0 {
					h -= q * math.Log(q)
				}
			}
			out[0] = float32(h)
		},
		Grad: func(g *graph.Graph, in []*Node, _, dy *Node, _ []bool) []*Node {
			return []*Node{g.Apply(graph.Op{
				Name: "entropy of the mean gradient",
				Out:  in[0].Shape(),
				Host: func(out []float32, in [][]float32) {
					q, p := mean(in[0]), make([]float64, k)
					for i := 0; i < n; i++ {
						softmax(p, in[0][i*k:(i+1)*k])
						var inner float64
						for j := range q {
							q := math.Max(q[j], math.SmallestNonzeroFloat64)
							inner += p[j] * math.Log(q)
						}
						for j := range q {
							q := math.Max(q[j], math.SmallestNonzeroFloat64)
							out[i*k+j] = float32(-float64(in[1][0]) / float64(n) * p[j] * (math.Log(q) - inner))
						}
					}
				},
			}, in[0], dy)}
		},
	}, logits)
}

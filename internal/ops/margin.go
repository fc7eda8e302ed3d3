package ops

import (
	"clipcalib/internal/graph"
)

// Margin returns beta times the variance of the batch's margins minus alpha times
// their mean, [1]. The margin of a sample is its label's logit less the greatest
// of the others; the variance is divided by B. Logits are [B, K], labels int32
// [B]; of one class, which has no rival, it is 0. It is computed on the host.
func Margin(g *graph.Graph, logits, labels *Node, alpha, beta float32) *Node {
	if g.Err() != nil {
		return logits
	}
	n, k := rows(logits), cols(logits)
	if k < 2 {
		return Dot(g, 0, logits, logits) // one class has no rival
	}
	places := make([]float32, k)
	for i := range places {
		places[i] = float32(i)
	}
	label := Gather(g, Constant(g, "class numbers", places, k, 1), labels) // as what the host reads
	margins := func(in [][]float32) (m []float64, mean float64, rival []int) {
		for i := range n {
			row, y := in[0][i*k:(i+1)*k], int(in[1][i])
			top := -1
			for j, v := range row {
				if j != y && (top < 0 || !(v <= row[top])) {
					top = j
				}
			}
			m, rival = append(m, float64(row[y])-float64(row[top])), append(rival, top)
			mean += m[i] / float64(n)
		}
		return m, mean, rival
	}
	return g.Apply(graph.Op{
		Name: "margin",
		Out:  shape(1),
		Host: func(out []float32, in [][]float32) {
			m, mean, _ := margins(in)
			var variance float64
			for _, v := range m {
				variance += (v - mean) * (v - mean) / float64(n)
			}
			out[0] = float32(float64(beta)*variance - float64(alpha)*mean)
		},
		Grad: func(g *graph.Graph, in []*Node, _, dy *Node, _ []bool) []*Node {
			return []*Node{g.Apply(graph.Op{
				Name: "margin gradient",
				Out:  in[0].Shape(),
				Host: func(out []float32, in [][]float32) {
					clear(out)
					m, mean, rival := margins(in)
					for i, v := range m {
						d := float64(in[2][0]) * (2*float64(beta)*(v-mean) - float64(alpha)) / float64(n)
						out[i*k+int(in[1][i])] += float32(d)
						out[i*k+rival[i]] -= float32(d)
					}
				},
			}, in[0], in[1], dy), nil}
		},
	}, logits, label)
}

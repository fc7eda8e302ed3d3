package ops

import (
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"
)

// SoftCrossEntropy is the mean over the batch of -sum_k q_k log softmax(l)_k,
// where q = softmax(teacher) and l are logits [B, K]; the result is [1]. The
// teacher gets no gradient.
//
// With u the cross-entropy against uniform targets, which is log-sum-exp minus
// the mean logit, the loss is u(l) minus the mean of sum_k (q_k - 1/K) l_k;
// and (q - 1/K)/B is the gradient of u at the teacher's logits. So the kernel
// of the cross-entropy with labels does the work twice.
func SoftCrossEntropy(g *graph.Graph, logits, teacher *Node) *Node {
	if g.Err() != nil {
		return logits
	}
	same(g, "soft cross-entropy", logits, teacher)
	labels := Indices(g, "no labels", make([]int32, rows(logits)))
	uniform := engine.CrossEntropy{Smoothing: 1}
	excess := g.Gradients(CrossEntropy(g, teacher, labels, uniform), teacher)[0]
	return Axpby(g, 1, CrossEntropy(g, logits, labels, uniform), -1, Dot(g, 1, excess, logits))
}

// Divergence is the Kullback-Leibler divergence of softmax(logits) from
// softmax(teacher), the mean over the batch; the result is [1].
func Divergence(g *graph.Graph, logits, teacher *Node) *Node {
	if g.Err() != nil {
		return logits
	}
	return Axpby(g, 1, SoftCrossEntropy(g, logits, teacher), -1, SoftCrossEntropy(g, teacher, teacher))
}

package nn

import (
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"
)

// CrossEntropy returns the mean over the batch of -log softmax(logits)[label],
// [1], for logits [B, K] and labels int32 [B].
func CrossEntropy(logits, labels *Node) *Node {
	return CrossEntropyWith(logits, labels, Corrections{})
}

// Corrections are what the calibration literature changes about the
// cross-entropy. The zero value changes nothing.
type Corrections struct {
	Smoothing   float32 // s: (1-s) times the loss plus s times the mean of -log p over the classes (Szegedy et al., 2016)
	Confidence  float32 // ECP: minus this times the mean of -p log p over batch and classes (Pereyra et al., 2017)
	FocalGamma  float32 // gamma: -(1-p)^gamma log p (Lin et al., 2017)
	MarginAlpha float32 // MbLS: plus this times the mean of ReLU(max l - l - Margin) (Liu et al., 2022)
	Margin      float32
}

// CrossEntropyWith is [CrossEntropy] with corrections.
func CrossEntropyWith(logits, labels *Node, c Corrections) *Node {
	return build("cross-entropy", func(g *graph.Graph) *Node {
		return ops.CrossEntropy(g, logits, labels, engine.CrossEntropy{
			Smoothing: c.Smoothing, Confidence: c.Confidence, FocalGamma: c.FocalGamma,
			MarginAlpha: c.MarginAlpha, Margin: c.Margin,
		})
	}, logits, labels)
}

// SoftCrossEntropy returns the mean over the batch of the cross-entropy of
// softmax(logits) against softmax(teacher), both [B, K]; the result is [1]. The
// teacher gets no gradient.
func SoftCrossEntropy(logits, teacher *Node) *Node {
	return build("soft cross-entropy", func(g *graph.Graph) *Node {
		return ops.SoftCrossEntropy(g, logits, teacher)
	}, logits, teacher)
}

// Divergence returns the Kullback-Leibler divergence of softmax(logits) from
// softmax(teacher), both [B, K], the mean over the batch, [1]. The teacher gets
// no gradient.
func Divergence(logits, teacher *Node) *Node {
	return build("divergence", func(g *graph.Graph) *Node { return ops.Divergence(g, logits, teacher) }, logits,
		teacher)
}

// SquareDistance returns sum_k alpha_k |w_k - t_k|² over the rows of w and t
// [K, D], with alpha [K]; the result is [1]. Only w gets a gradient.
func SquareDistance(w, t, alpha *Node) *Node {
	return build("square distance", func(g *graph.Graph) *Node { return ops.SquareDistance(g, w, t, alpha) }, w, t,
		alpha)
}

// RowEntropy returns the entropy of the softmax of every row of logits [B, K],
// in nats, [B].
func RowEntropy(logits *Node) *Node {
	return build("row entropy", func(g *graph.Graph) *Node { return ops.RowEntropy(g, logits) }, logits)
}

// Entropy returns the mean over the batch of the entropies of softmax(logits),
// logits [B, K], in nats, [1]: the loss of TENT (Wang et al., 2021).
func Entropy(logits *Node) *Node {
	return build("entropy", func(g *graph.Graph) *Node { return ops.Entropy(g, logits) }, logits)
}

// EntropyOfMean returns the entropy of the mean over the batch of
// softmax(logits), logits [B, K], in nats, [1]: the loss of TPT (Shu et al.,
// 2022) over the views of a picture.
func EntropyOfMean(logits *Node) *Node {
	return build("entropy of the mean", func(g *graph.Graph) *Node { return ops.EntropyOfMean(g, logits) }, logits)
}

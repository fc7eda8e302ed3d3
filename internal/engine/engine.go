// Package engine states what a device must be able to do to run CLIP's towers,
// the adapters and their losses. An operation of package ops asks the engine
// of its graph to do the work and never mentions a device, so another device
// is one more implementation of Engine and changes no operation.
//
// All real values are float32 and row-major; indices are int32. Kernels write
// into tensors the caller has allocated with New on the same engine and never
// keep a reference to them after they return, except for weights handed to
// Freeze. Kernels of one engine run one at a time, in program order.
package engine

import (
	"fmt"

	"gorgonia.org/tensor"
)

// Engine is a device: memory, transfers, and kernels.
type Engine interface {
	tensor.Engine

	// Name says what runs, for logs and reports, as in "cpu: pure Go (avx512), 2 threads, fp32".
	Name() string

	// New allocates a zeroed tensor of dtype tensor.Float32 or tensor.Int32.
	New(dt tensor.Dtype, shape ...int) (*tensor.Dense, error)
	// View returns a tensor over the first elements of buf, a tensor from New.
	View(buf *tensor.Dense, shape ...int) *tensor.Dense
	// Release gives a tensor from New back. It must not be used afterwards.
	Release(t *tensor.Dense)
	// Upload copies src, a []float32 or []int32 of dst's size, to the device. A
	// []byte fills an int32 dst, four bytes a word, the first the lowest.
	Upload(dst *tensor.Dense, src any) error
	// Download copies src to dst, a []float32 or []int32 of src's size, after
	// all work queued before it.
	Download(dst any, src *tensor.Dense) error
	// Freeze promises that t never changes again, so that the engine may keep
	// a packed or narrower copy of it for Linear.
	Freeze(t *tensor.Dense)
	// Sync waits for all queued work and reports its first error.
	Sync() error
	// Close frees everything the engine holds.
	Close() error

	Dense
	Elementwise
	Norm
	Attention
	Rows
	Image
	Convolution
	Loss
	Optimizer
}

// Act is the activation fused behind a linear layer.
type Act uint8

// The activations of CLIP's blocks and of the adapters.
const (
	Identity  Act = iota
	QuickGELU     // x * sigmoid(1.702 x)
	GELU          // x * Phi(x), the exact form with erf
	ReLU
)

// Check reports an activation that is none of these.
func (a Act) Check() error {
	if a > ReLU {
		return fmt.Errorf("activation %d is unknown", a)
	}
	return nil
}

// Gemm describes Out = act(Alpha * op(A) op(B) + Bias) + Residual, where op
// transposes its matrix when the flag is set; with ActLast the residual is added
// before the activation. Out is [M, N]; op(A) is [M, K];
// op(B) is [K, N]; Bias is [N] or nil; Residual is [M, N] or nil and may be Out.
// A weight stored as PyTorch does, [out, in], is B with TransB. Gradient says
// that A is a gradient, whose small values IEEE half does not hold; Narrow that
// both factors may be rounded to 16 bits, as MixedTraining does.
type Gemm struct {
	Out, A, B      *tensor.Dense
	TransA, TransB bool
	Alpha          float32
	Bias           *tensor.Dense
	Act            Act
	Residual       *tensor.Dense
	ActLast        bool
	Gradient       bool
	Narrow         bool
}

// Dense holds the matrix products.
type Dense interface {
	// Gemm computes g.
	Gemm(g Gemm) error
	// ColSum writes the sum over the rows of x [M, N] to out [N].
	ColSum(out, x *tensor.Dense) error
}

// Elementwise holds the kernels that treat every element alike.
type Elementwise interface {
	// Act writes act(x) to out.
	Act(out, x *tensor.Dense, act Act) error
	// ActGrad writes dy * act'(x) to dx.
	ActGrad(dx, x, dy *tensor.Dense, act Act) error
	// Sum writes the sum of the terms to out, which may be one of them.
	Sum(out *tensor.Dense, terms ...*tensor.Dense) error
	// Axpby writes a*x + b*y to out; y may be nil, then a*x.
	Axpby(out *tensor.Dense, a float32, x *tensor.Dense, b float32, y *tensor.Dense) error
	// ExpAffine writes exp(a*x + b) to out.
	ExpAffine(out, x *tensor.Dense, a, b float32) error
	// Mul writes a*x*y, element by element, to out.
	Mul(out *tensor.Dense, a float32, x, y *tensor.Dense) error
	// ScaleExp writes x * exp(s) to out, where s is a tensor of one element.
	ScaleExp(out, x, s *tensor.Dense) error
	// Dot writes a * sum(x*y) to out, a tensor of one element.
	Dot(out *tensor.Dense, a float32, x, y *tensor.Dense) error
	// Scale writes x * a * s to out, where s is a tensor of one element.
	Scale(out, x *tensor.Dense, a float32, s *tensor.Dense) error
	// Fill sets every element of out to v.
	Fill(out *tensor.Dense, v float32) error
}

// Norm holds the normalisations over rows.
type Norm interface {
	// LayerNorm writes (x-mean)/sqrt(var+eps)*gamma + beta, row by row, to out.
	LayerNorm(out, x, gamma, beta *tensor.Dense, eps float32) error
	// LayerNormGrad writes the gradients of LayerNorm; dgamma and dbeta are
	// both nil or both set; dx may be nil.
	LayerNormGrad(dx, dgamma, dbeta, x, gamma, dy *tensor.Dense, eps float32) error
	// L2Normalize divides every row of x by its Euclidean norm; a zero row
	// stays zero.
	L2Normalize(out, x *tensor.Dense) error
	// L2NormalizeGrad writes (dy - out*(out.dy))/norm(x), row by row, to dx.
	L2NormalizeGrad(dx, x, dy *tensor.Dense) error
	// DivNorm writes x / (tau * (norm(row) + 1e-7)) to out (LogitNorm).
	DivNorm(out, x *tensor.Dense, tau float32) error
	// DivNormGrad writes the gradient of DivNorm to dx.
	DivNormGrad(dx, x, dy *tensor.Dense, tau float32) error
}

// Attention holds multi-head attention over a packed input projection: qkv is
// [N, 3W], every row the query, key and value of one token, and heads splits W.
// Scores are scaled by 1/sqrt(W/heads).
type Attention interface {
	// Attention attends within each of the sequences of tokens rows; out is
	// [batch*tokens, W].
	Attention(out, qkv *tensor.Dense, batch, tokens, heads int) error
	// AttentionGrad writes the gradient with respect to qkv, given out and dout.
	AttentionGrad(dqkv, qkv, out, dout *tensor.Dense, batch, tokens, heads int) error
	// TreeAttention lets every node of a token trie attend to itself and its
	// ancestors. tree is int32 [3, N]: parent (-1 at a root), depth, and one
	// past the last descendant; nodes are in depth-first order, so the
	// descendants of i are the rows i+1..end[i]-1 and depth is below 128.
	TreeAttention(out, qkv, tree *tensor.Dense, heads int) error
	// TreeAttentionGrad writes the gradient with respect to qkv.
	TreeAttentionGrad(dqkv, qkv, out, dout, tree *tensor.Dense, heads int) error
}

// Rows holds the kernels that move rows.
type Rows interface {
	// Gather writes row idx[i] of table to row i of out; idx is int32 [N]. A
	// negative index gives a row of zeros.
	Gather(out, table, idx *tensor.Dense) error
	// ScatterAdd sets dtable to zero, then adds row i of dy to row idx[i], in
	// order of i; negative indices are passed over.
	ScatterAdd(dtable, dy, idx *tensor.Dense) error
	// AddRows writes x[i] + table[idx[i]] to out.
	AddRows(out, x, table, idx *tensor.Dense) error
	// Concat writes the rows of the parts, one part after the other, to out.
	Concat(out *tensor.Dense, parts ...*tensor.Dense) error
	// Slice copies rows from..from+len(out)-1 of x to out.
	Slice(out, x *tensor.Dense, from int) error
	// PadRows sets out to zero but for the rows from.. which become x.
	PadRows(out, x *tensor.Dense, from int) error
	// Transpose writes the transpose of the matrix x to out.
	Transpose(out, x *tensor.Dense) error
}

// Image holds the kernels at the foot of the image tower.
type Image interface {
	// Patchify cuts images [B, 3, S, S] into rows [B*(S/P)^2, 3*P*P], the
	// patches in row-major order, every row in the order of a convolution's
	// weight: channel, row, column. Rows of out that are wider are filled up
	// with zeros.
	Patchify(out, images *tensor.Dense, patch int) error
	// Pixels is Patchify of images that are bytes: pixels is int32
	// [B, PixelWords(S)], each row the bytes of [3, S, S], four a word, the
	// first the lowest; table [3, 256] holds the value of every byte by channel.
	Pixels(out, pixels, table *tensor.Dense, side, patch int) error
	// Tokens writes, for each image, cls + pos[0] and patches[i] + pos[i+1];
	// patches is [B*n, W], cls [W], pos [n+1, W], out [B*(n+1), W].
	Tokens(out, patches, cls, pos *tensor.Dense) error
	// TokensGrad writes the three gradients of Tokens; any of them may be nil.
	TokensGrad(dpatches, dcls, dpos, dy *tensor.Dense, batch int) error
}

// PixelWords is the number of 32-bit words that hold the bytes of a picture of
// side x side pixels in three channels.
func PixelWords(side int) int { return (3*side*side + 3) / 4 }

// CrossEntropy is a cross-entropy with the corrections of the calibration
// literature; the zero value is the plain one. Logits are [B, K].
type CrossEntropy struct {
	Smoothing   float32 // label smoothing: (1-s)*CE + s*mean_k(-log p_k)
	Confidence  float32 // ECP: minus this times the mean over batch and classes of -p log p, p clamped to [1e-10, 1-1e-10]
	FocalGamma  float32 // -(1-p_y)^gamma log p_y in place of CE
	MarginAlpha float32 // MbLS: plus this times mean_ik ReLU(max_j l_ij - l_ik - Margin)
	Margin      float32
}

// Loss holds the losses over logits. Each writes the loss, a tensor of one
// element, and, unless it is nil, its gradient with respect to the logits.
type Loss interface {
	// CrossEntropy takes the mean over the batch; labels is int32 [B].
	CrossEntropy(loss, dlogits, logits, labels *tensor.Dense, form CrossEntropy) error
	// RowRange writes the minimum and maximum of every row of x to out [B, 2].
	RowRange(out, x *tensor.Dense) error
	// RangeMap maps every row of logits linearly from its own range to that of
	// zs [B, 2] (ZS-Norm). A row of equal logits is only shifted to the minimum.
	RangeMap(out, logits, zs *tensor.Dense) error
	// RangeMapGrad is its exact gradient, minimum and maximum not detached; the
	// first index takes the gradient in case of ties.
	RangeMapGrad(dlogits, logits, zs, dy *tensor.Dense) error
	// RangePenalty is lambda * (mean ReLU(l-max) + mean ReLU(min-l)) over the
	// batch and the classes, with max and min of zs [B, 2].
	RangePenalty(loss, dlogits, logits, zs *tensor.Dense, lambda float32) error
	// SquareDistance is sum_k alpha_k * |w_k - t_k|^2 over rows; dw may be nil.
	SquareDistance(loss, dw, w, t, alpha *tensor.Dense) error
}

// Optimizer holds the updates of trainable tensors, in place.
type Optimizer interface {
	// SGD is PyTorch's: g += wd*p; v = momentum*v + g; p -= lr*v.
	SGD(p, v, g *tensor.Dense, lr, momentum, weightDecay float32) error
	// AdamW is PyTorch's AdamW; step counts from 1.
	AdamW(p, m, v, g *tensor.Dense, h AdamW, step int) error
}

// AdamW holds the constants of one AdamW step.
type AdamW struct {
	LR, Beta1, Beta2, Eps, WeightDecay float32
}

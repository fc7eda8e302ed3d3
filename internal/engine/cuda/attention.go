package cuda

import (
	"fmt"
	"math"

	"gorgonia.org/tensor"
)

// From attention.cuh.
const (
	attentionBlock = 64 // QUERIES
	attentionTile  = 32 // TILE
	forwardRows    = 16 // THREAD_ROWS
	forwardThreads = forwardRows * 8
	leastHead      = 32 // of FOR_DIM, which goes on by doubling
	mostHead       = 128
)

// heads is the checked shape of an attention.
type heads struct {
	rows, width, count, dim, built int // built: the size of head of the kernels
	scale                          float32
}

func newHeads(qkv *tensor.Dense, count int) (h heads, err error) {
	rows, w3 := dims(qkv)
	if rows == 0 || count < 1 || w3%(3*count) != 0 {
		return h, fmt.Errorf("attention: %d heads do not split rows of %d", count, w3)
	}
	h = heads{rows: rows, width: w3 / 3, count: count, dim: w3 / 3 / count, built: leastHead}
	for h.dim > h.built {
		h.built *= 2
	}
	if h.built > mostHead {
		return h, fmt.Errorf("attention: heads of %d, the GPU's kernels are built for up to %d: use --device cpu",
			h.dim, mostHead)
	}
	if count > math.MaxUint16 {
		return h, fmt.Errorf("attention: %d heads, the most is %d", count, math.MaxUint16)
	}
	h.scale = float32(1 / math.Sqrt(float64(h.dim)))
	return h, activations(sized{"input projection", qkv, rows * w3})
}

func (h heads) kernel(name string) string { return fmt.Sprintf("%s_%d", name, h.built) }

func (h heads) shared() int { return 2 * attentionTile * h.built * 4 }

// forward returns the queries of a block of the forward kernel and its shared
// memory in bytes: queries, a tile of keys or values, and probabilities, in rows
// that are 4 numbers longer.
func (h heads) forward() (queries, shared int) {
	queries = 4 * forwardRows
	if h.built > 64 {
		queries = 2 * forwardRows
	}
	return queries, 4 * ((queries+attentionTile)*(h.built+4) + queries*(attentionTile+4))
}

func (h heads) gradFits(dqkv, qkv, out, dout *tensor.Dense) error {
	n := h.rows * h.width
	return want(sized{"result", dqkv, 3 * n}, sized{"input projection", qkv, 3 * n}, sized{"output", out, n},
		sized{"gradient", dout, n})
}

// sequences checks that the rows are batch sequences and returns the grid.
func (h heads) sequences(batch, tokens int) (dims3, error) {
	if batch < 1 || tokens < 1 || batch*tokens != h.rows {
		return dims3{}, fmt.Errorf("attention: %d rows are not %d sequences of %d", h.rows, batch, tokens)
	}
	if batch > math.MaxUint16 {
		return dims3{}, fmt.Errorf("attention: %d sequences, the most is %d: use a smaller --batch", batch,
			math.MaxUint16)
	}
	return dims3{uint32((tokens + attentionBlock - 1) / attentionBlock), uint32(h.count), uint32(batch)}, nil
}

// Attention attends within sequences: on tensor cores where it may, else by the
// float32 kernels.
func (e *Engine) Attention(out, qkv *tensor.Dense, batch, tokens, count int) error {
	h, err := newHeads(qkv, count)
	if err != nil {
		return err
	}
	grid, err := h.sequences(batch, tokens)
	if err := first(err, activations(sized{"result", out, h.rows * h.width})); err != nil {
		return err
	}
	if on, ok := e.tensorAttention(out, qkv, h); ok {
		return e.launch(on.kernel, on.grid(h, batch, tokens), on.block(tokens), on.shared(),
			out, qkv, int32(tokens), int32(h.width), h.scale)
	}
	if isFloat16(out) || isFloat16(qkv) {
		return e.inFloat32(out, []*tensor.Dense{qkv}, func(out *tensor.Dense, in []*tensor.Dense) error {
			return e.Attention(out, in[0], batch, tokens, count)
		})
	}
	queries, shared := h.forward()
	grid[0] = uint32((tokens + queries - 1) / queries)
	return e.launch(h.kernel("attention"), grid, dims3{forwardThreads, 1, 1}, shared,
		out, qkv, int32(tokens), int32(h.width), int32(h.dim), h.scale)
}

// AttentionGrad differentiates Attention, recomputing the softmax: on tensor cores
// where Attention of float32 is, else by the float32 kernels.
func (e *Engine) AttentionGrad(dqkv, qkv, out, dout *tensor.Dense, batch, tokens, count int) error {
	h, err := newHeads(qkv, count)
	if err != nil {
		return err
	}
	grid, err := h.sequences(batch, tokens)
	if err := first(err, h.gradFits(dqkv, qkv, out, dout)); err != nil {
		return err
	}
	logSum, delta, release, err := e.softmaxScratch(h)
	if err != nil {
		return err
	}
	defer release()
	if e.tensorCores(h) {
		on := tensorAttentions[Float]
		return first(
			e.launch("attention_grad_q_tf32", on.grid(h, batch, tokens), on.block(tokens), on.shared(),
				dqkv, logSum, delta, qkv, out, dout, int32(tokens), int32(h.width), h.scale),
			e.launch("attention_grad_kv_tf32", on.grid(h, batch, tokens), on.block(tokens), on.gradShared(),
				dqkv, logSum, delta, qkv, dout, int32(tokens), int32(h.width), h.scale))
	}
	run := func(kernel string, args ...any) error {
		args = append(args, int32(tokens), int32(h.width), int32(h.dim), h.scale)
		return e.launch(h.kernel(kernel), grid, dims3{attentionBlock, 1, 1}, h.shared(), args...)
	}
	return first(run("attention_grad_q", dqkv, logSum, delta, qkv, out, dout),
		run("attention_grad_v", dqkv, logSum, qkv, dout),
		run("attention_grad_k", dqkv, logSum, delta, qkv, dout))
}

// softmaxScratch holds two numbers for every row and head.
func (e *Engine) softmaxScratch(h heads) (logSum, delta Ptr, release func(), err error) {
	n := 4 * int64(h.rows) * int64(h.count)
	logSum, release, err = e.scratch(2 * n)
	return logSum, logSum + Ptr(n), release, err
}

package bench

import "clipcalib/weights"

// work is what a computation needs: arithmetic, two operations a multiply-add,
// and the values that its operations read and write, if each reads its inputs
// and writes its result once.
type work struct {
	products, attention float64 // operations
	values, weights     float64 // activations and weights moved
}

func (w work) flop() float64 { return w.products + w.attention }

// forth and back of frozen towers: the backward pass computes the gradients of
// inputs alone, one product for each of the forward pass and two for each of
// attention's; it reads and writes about twice the values.
func (w work) andBack() work {
	b := w.back()
	return work{w.products + b.products, w.attention + b.attention, w.values + b.values, w.weights + b.weights}
}

func (w work) back() work { return work{w.products, 2 * w.attention, 2 * w.values, w.weights} }

// trained is forth and back of towers that train: the gradients of weights are a
// product more for each of the forward pass; optimisers move each weight eight times.
func (w work) trained() work {
	b := w.back()
	return work{3 * w.products, w.attention + b.attention, w.values + 2*b.values, 8 * w.weights}
}

func (w work) plus(v work) work {
	return work{w.products + v.products, w.attention + v.attention, w.values + v.values, w.weights + v.weights}
}

// bytes is the traffic of w.
func (m *meter) bytes(w work) float64 { return m.activation*w.values + m.weight*w.weights }

// imageWork is the work of a batch of images: projections, MLPs and attention
// over all tokens, less what the last block need not do for tokens nobody reads.
func imageWork(c weights.Config, batch int) work { return promptedWork(c, batch, 0) }

// promptedWork is that of pictures with so many learned vectors among their tokens.
func promptedWork(c weights.Config, batch, vectors int) work {
	v := c.Vision
	if v.ResNet() {
		return resNetWork(c, batch)
	}
	images, patches := float64(batch), float64(v.Grid()*v.Grid())
	w, depth := float64(v.Width), float64(3*v.Patch*v.Patch)
	tokens := patches + 1 + float64(vectors)
	rows := images * tokens
	first := work{products: 2 * images * patches * w * depth, values: 2*images*patches*(depth+w) + 3*rows*w,
		weights: w * depth}
	return first.plus(blocks(v.Layers, rows, tokens, images, w, float64(v.MLP))).plus(head(images, w, c.EmbedDim))
}

// textWork is the work of prompts whose trie has nodes with depths that sum to
// depths.
func textWork(c weights.Config, nodes, depths, prompts int) work {
	t := c.Text
	n, p, w := float64(nodes), float64(prompts), float64(t.Width)
	keys := float64(depths)/n + 1
	first := work{values: 2 * n * w}
	return first.plus(blocks(t.Layers, n, keys, p, w, float64(t.MLP))).plus(head(p, w, c.EmbedDim))
}

// blocks is the work of a tower's blocks over rows tokens which see keys tokens
// each; the last block's output projection and MLP run for read rows only.
func blocks(layers int, rows, keys, read, w, mlp float64) work {
	l := float64(layers)
	rest := (l-1)*rows + read // rows of the second half
	return work{
		products:  l*rows*2*3*w*w + rest*(2*w*w+4*w*mlp),
		attention: l * rows * 4 * keys * w,
		// norm, projection to 3w and attention; projection with residual, norm, MLP with residual
		values:  l*rows*(2*w+4*w+4*w) + rest*(3*w+2*w+w+mlp+mlp+2*w),
		weights: l * (4*w*w + 2*w*mlp),
	}
}

func head(rows, w float64, dim int) work {
	d := float64(dim)
	return work{products: 2 * rows * w * d, values: rows * (3*w + d), weights: w * d}
}

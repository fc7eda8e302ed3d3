package prompt

import (
	"clipcalib/adapt"
	"clipcalib/internal/clip"
	"clipcalib/internal/device"
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"
	"clipcalib/internal/imagetower"
	"clipcalib/internal/ops"
	"clipcalib/internal/texttower"
	"clipcalib/internal/tower"
	"clipcalib/text"

	"gorgonia.org/tensor"
)

// builder builds a method's logits for a batch of images. Everything is built
// when it is first asked for, so that only what is needed is computed or fed.
type builder struct {
	g      *graph.Graph
	model  *Model
	params *onEngine
	trie   *text.Trie // of all classes' prompts
	scale  float32
	batch  int

	protos, teacherFeatures adapt.Matrix // text features of the zero-shot model and of the teacher
	start                   adapt.Matrix // in place of protos, of unit length, where training starts from them

	textParams, imageParams tower.Scope // both towers' parameters
	leaves                  map[string]*graph.Node
	deep, vision            []*graph.Node // learned prompts of the towers, set by the method

	textsOf                    []*graph.Node // text features of each image, set by methods where they differ
	features, images           *graph.Node   // what is fed: frozen features [B, D], pixels [B, 3, S, S]
	frozen, imaged, texted     *graph.Node   // of unit length, [B, D], [B, D], [K, D]
	protosLeaf, teacherLeaf    *graph.Node
	featureBuffer, imageBuffer []float32
}

// newBuilder returns an empty builder, for who holds the model's device.
func newBuilder(model *Model, params *onEngine, trie *text.Trie, scale float64, batch int) *builder {
	g := graph.New(device.Engine(model.Device))
	return &builder{g: g, model: model, params: params, trie: trie, scale: float32(scale), batch: batch,
		textParams: tower.Of(g, model.Texts), imageParams: tower.Of(g, model.Images), leaves: map[string]*graph.Node{}}
}

func (b *builder) classes() int { return b.trie.NumPrompts() }

// param is the leaf of a tensor that trains.
func (b *builder) param(name string) *graph.Node {
	if n := b.leaves[name]; n != nil {
		return n
	}
	t := b.params.tensors[name]
	if t == nil {
		b.g.Fail("the method has no %s", name)
		return b.g.Input("missing "+name, tensor.Float32, 1)
	}
	b.leaves[name] = b.g.Leaf(name, t)
	return b.leaves[name]
}

// linear is the learned linear layer whose tensors begin with name.
func (b *builder) linear(name string, x *graph.Node) *graph.Node {
	return ops.Linear(b.g, x, b.param(name+"weight"), b.param(name+"bias"), nil, engine.Identity)
}

// promptText sets the deep prompts of the text tower, promptImages all prompts
// of the image tower.
func (b *builder) promptText(deep []*graph.Node)     { b.deep = deep }
func (b *builder) promptImages(vision []*graph.Node) { b.vision = vision }

// encode is the text features [copies*K, D] of all classes under the given
// contexts, of unit length.
func (b *builder) encode(copies int, first *graph.Node, deep []*graph.Node) *graph.Node {
	trie := b.trie
	if copies > 1 {
		var err error
		if trie, err = trie.Repeat(copies); err != nil {
			b.g.Fail("%w", err)
			return first
		}
	}
	contexts := texttower.Contexts{First: first, Deep: deep}
	return ops.L2Normalize(b.g, texttower.WithContexts(b.g, b.textParams, b.model.Config, clip.Nodes(trie), contexts))
}

// text is the text features [K, D] under the learned prompts.
func (b *builder) text() *graph.Node {
	if b.texted == nil {
		b.texted = b.encode(1, b.param(nameCtx), b.deep)
	}
	return b.texted
}

// tuned is the text features [K, D] under the learned prompts, one for all images
// of the batch or one for each.
func (b *builder) tuned() []*graph.Node {
	if len(b.textsOf) > 0 {
		return b.textsOf
	}
	return []*graph.Node{b.text()}
}

// image is the batch's image features [B, D]: the frozen tower's, or those
// under learned prompts if there are any.
func (b *builder) image() *graph.Node {
	if len(b.vision) == 0 {
		return b.frozenImage()
	}
	if b.imaged == nil {
		b.imaged = ops.L2Normalize(b.g, imagetower.WithPrompts(b.g, b.imageParams, b.model.Config, b.pixelsIn(),
			b.vision))
	}
	return b.imaged
}

// frozenImage is the frozen tower's features of the batch, [B, D]: fed where
// images are not needed otherwise, computed where they are.
func (b *builder) frozenImage() *graph.Node {
	switch {
	case b.frozen != nil:
	case len(b.vision) == 0:
		b.features = b.g.Input("image features", tensor.Float32, b.batch, b.model.Config.EmbedDim)
		b.featureBuffer = make([]float32, b.batch*b.model.Config.EmbedDim)
		b.frozen = ops.L2Normalize(b.g, b.features)
	default:
		b.frozen = ops.L2Normalize(b.g, imagetower.Tower(b.g, b.imageParams, b.model.Config, b.pixelsIn(), false))
	}
	return b.frozen
}

func (b *builder) pixelsIn() *graph.Node {
	if b.images == nil {
		s := b.model.Config.Vision.ImageSize
		b.images = b.g.Input("images", tensor.Float32, b.batch, 3, s, s)
		b.imageBuffer = make([]float32, b.batch*3*s*s)
	}
	return b.images
}

// prototypes are the zero-shot model's text features [K, D], of unit length.
func (b *builder) prototypes() *graph.Node {
	if b.start.Data == nil {
		return b.constant(&b.protosLeaf, "prototypes", b.protos)
	}
	if b.protosLeaf == nil {
		b.protosLeaf = ops.Constant(b.g, "prototypes", b.start.Data, b.start.Rows, b.start.Cols)
	}
	return b.protosLeaf
}

// teacher is the text teacher's features [K, D], of unit length.
func (b *builder) teacher() *graph.Node {
	return b.constant(&b.teacherLeaf, "text teacher", b.teacherFeatures)
}

func (b *builder) constant(n **graph.Node, name string, m adapt.Matrix) *graph.Node {
	if *n == nil {
		*n = ops.L2Normalize(b.g, ops.Constant(b.g, name, m.Data, m.Rows, m.Cols))
	}
	return *n
}

// zeroShot is the zero-shot logits [B, K] of the batch, in the very views that
// the adapted logits are of.
func (b *builder) zeroShot() *graph.Node { return b.cosine(b.frozenImage(), b.prototypes()) }

// cosine is the scaled products of rows of unit length.
func (b *builder) cosine(x, t *graph.Node) *graph.Node { return ops.Logits(b.g, x, t, b.scale) }

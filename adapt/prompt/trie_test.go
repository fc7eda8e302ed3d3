package prompt

import (
	"context"
	"testing"

	"clipcalib/internal/clip"
	"clipcalib/internal/cliptest"
	"clipcalib/internal/device"
	"clipcalib/internal/graph"
	"clipcalib/internal/imagenet"
	"clipcalib/internal/ops"
	"clipcalib/internal/texttower"
	"clipcalib/internal/tower"
	"clipcalib/text"

	"gorgonia.org/tensor"
)

// TestTrieEqualsThePaddedComputation compares text features and the gradients
// of context vectors and deep prompts for ImageNet's 1,000 classes with what
// PyTorch computes over 77 tokens a class.
func TestTrieEqualsThePaddedComputation(t *testing.T) {
	f := openGolden(t, "golden_trie.safetensors")
	m := seededModel(t, smallConfig, clip.Options{})
	prompts, err := contexts{count: 4}.prompts(imagenet.Names(), 4, m.Config.Text)
	if err != nil {
		t.Fatal(err)
	}
	trie, err := text.NewTrie(prompts)
	if err != nil {
		t.Fatal(err)
	}
	if padded := 77 * len(prompts); trie.NumTokens() != 9165 || 19*trie.Len() > padded {
		t.Errorf("%d nodes for %d tokens, %d with padding", trie.Len(), trie.NumTokens(), padded)
	}
	t.Logf("%d nodes, %d tokens, %d with padding", trie.Len(), trie.NumTokens(), 77*len(prompts))

	g := graph.New(device.Engine(m.Device))
	defer g.Close()
	var vectors []*graph.Node
	for _, name := range []string{"trie.0", "trie.1", "trie.2"} {
		vectors = append(vectors, ops.Constant(g, name, noiseOf(name, 4*32, 0.3), 4, 32))
	}
	features := texttower.WithContexts(g, tower.Of(g, m.Texts), m.Config, clip.Nodes(trie),
		texttower.Contexts{First: vectors[0], Deep: vectors[1:]})
	dy := g.Input("dy", tensor.Float32, features.Shape()...)
	grads := g.GradientsFrom(features, dy, vectors...)
	p, err := g.Compile(append(grads, features)...)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := g.Set(dy, cliptest.Uniform("trie.dy", features.Shape().TotalSize(), 1)); err != nil {
		t.Fatal(err)
	}
	if err := p.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	for name, n := range map[string]*graph.Node{"features": features, "dctx": grads[0], "ddeep1": grads[1],
		"ddeep2": grads[2]} {
		got, err := p.Float32(n)
		if err != nil {
			t.Fatal(err)
		}
		e := largestError(got, golden(t, f, name))
		t.Logf("%s: error %.2g of the largest value", name, e)
		if !(e <= 1e-5) {
			t.Errorf("%s: error %.2g of the largest value, want at most 1e-5", name, e)
		}
	}
}

package models

import (
	"context"
	"testing"
	"time"

	"clipcalib/internal/engine"
	"clipcalib/internal/graph"
	"clipcalib/internal/imagenet"
	"clipcalib/internal/ops"
	"clipcalib/text"
	"clipcalib/vit"
	"clipcalib/weights"

	"gorgonia.org/tensor"
)

// Images returns the seconds that the image tower takes for a batch that is on
// the device already.
func Images(t testing.TB, e engine.Engine, ck *weights.Checkpoint, batch int, budget time.Duration) float64 {
	t.Helper()
	v, err := vit.NewEncoderOn(e, ck, batch)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	g := graph.New(e)
	defer g.Close()
	s := ck.Config.Vision.ImageSize
	y := vit.Tower(g, v.Bind(g), ck.Config, g.Input("images", tensor.Float32, batch, 3, s, s), false)
	return timed(t, e, g, budget, y)
}

// CoOp returns the seconds of a forward and backward pass through the text
// tower, to 16 learned context vectors, for the prompts of all ImageNet
// classes, and the number of trie nodes.
func CoOp(t testing.TB, e engine.Engine, ck *weights.Checkpoint, budget time.Duration) (seconds float64, nodes int) {
	t.Helper()
	const vectors, start, end = 16, 49406, 49407
	w, err := text.NewEncoderOn(e, ck, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	tokenizer := text.NewTokenizer()
	var tokens [][]int32
	for _, name := range imagenet.Names() {
		ids := []int32{start}
		for i := range vectors {
			ids = append(ids, text.ContextToken(i))
		}
		class, err := tokenizer.EncodeClass(name)
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, append(append(ids, class...), end))
	}
	trie, err := text.NewTrie(tokens)
	if err != nil {
		t.Fatal(err)
	}
	g := graph.New(e)
	defer g.Close()
	ctx := g.Input("context", tensor.Float32, vectors, ck.Config.Text.Width)
	y := ops.L2Normalize(g, text.PromptTower(g, w.Bind(g), ck.Config, trie, text.Contexts{First: ctx}))
	return timed(t, e, g, budget, g.Gradients(y, ctx)...), trie.Len()
}

// timed compiles the outputs and returns the seconds of a run: runs are queued
// one after the other, and the device is waited for at the end.
func timed(t testing.TB, e engine.Engine, g *graph.Graph, budget time.Duration, outputs ...*graph.Node) float64 {
	t.Helper()
	p, err := g.Compile(outputs...)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	run := func(n int) time.Duration {
		begun := time.Now()
		for range n {
			if err := p.Run(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		if err := e.Sync(); err != nil {
			t.Fatal(err)
		}
		return time.Since(begun)
	}
	run(3)
	n := max(3, int(budget/max(run(1), time.Microsecond)))
	return run(n).Seconds() / float64(n)
}

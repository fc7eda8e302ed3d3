package text_test

import (
	"math"
	"strings"
	"testing"

	"clipcalib/internal/device"
	"clipcalib/internal/graph"
	"clipcalib/text"

	"gorgonia.org/tensor"
)

// TestNodeOnEmbeddingsGivesWhatEncodeGives puts the embeddings of words where
// learned contexts go: the features are those of the words.
func TestNodeOnEmbeddingsGivesWhatEncodeGives(t *testing.T) {
	e := openTiny(t, 0)
	sot, eot := int32(e.Config().Text.Vocab-2), int32(e.Config().Text.Vocab-1)
	words := []int32{3, 5}
	plain := [][]int32{{sot, 3, 5, 7, eot}, {sot, 3, 5, 9, 2, eot}}
	learned := [][]int32{
		{sot, text.ContextToken(0), text.ContextToken(1), 7, eot},
		{sot, text.ContextToken(0), text.ContextToken(1), 9, 2, eot},
	}
	want, err := e.EncodeTokens(t.Context(), plain)
	if err != nil {
		t.Fatal(err)
	}
	embeddings, err := e.Embeddings(t.Context(), words)
	if err != nil {
		t.Fatal(err)
	}
	trie, err := text.NewTrie(learned)
	if err != nil {
		t.Fatal(err)
	}
	g := graph.New(device.Engine(e.Device()))
	defer g.Close()
	in := g.Input("contexts", tensor.Float32, len(words), e.Config().Text.Width)
	out := e.Node(trie, text.Contexts{First: in})
	grads := g.Gradients(out, in)
	p, err := g.Compile(append(grads, out)...)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := g.Set(in, embeddings); err != nil {
		t.Fatal(err)
	}
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := p.Float32(out)
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range got {
		if w := want[i/e.Dim()][i%e.Dim()]; math.Abs(float64(x-w)) > 1e-5 {
			t.Fatalf("value %d: %g, Encode gives %g", i, x, w)
		}
	}
}

func TestNodeRefusesContextsThatDoNotFit(t *testing.T) {
	e := openTiny(t, 0)
	eot := int32(e.Config().Text.Vocab - 1)
	trie, err := text.NewTrie([][]int32{{1, text.ContextToken(0), text.ContextToken(1), eot}})
	if err != nil {
		t.Fatal(err)
	}
	g := graph.New(device.Engine(e.Device()))
	defer g.Close()
	e.Node(trie, text.Contexts{First: g.Input("contexts", tensor.Float32, 1, e.Config().Text.Width)})
	if err := g.Err(); err == nil || !strings.Contains(err.Error(), "at least the trie's 2") {
		t.Errorf("one vector for two contexts: %v", err)
	}
}

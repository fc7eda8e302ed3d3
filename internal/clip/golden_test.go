package clip

import (
	"context"
	"math"
	"path/filepath"
	"testing"

	"clipcalib/internal/device"
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"
	"clipcalib/internal/tower"
	"clipcalib/text"
	"clipcalib/weights"
)

// tinyHeads is what the shapes of the golden model do not show.
var tinyHeads = weights.Options{VisionHeads: 2, TextHeads: 2}

type golden struct {
	t *testing.T
	v weights.View
}

func openGolden(t *testing.T, name string) golden {
	t.Helper()
	if !filepath.IsAbs(name) {
		name = filepath.Join("testdata", name)
	}
	f, err := weights.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return golden{t, f.View()}
}

func (g golden) rows(name string) [][]float32 {
	g.t.Helper()
	shape, ok := g.v.Shape(name)
	if !ok {
		g.t.Fatalf("golden file has no %s", name)
	}
	flat, err := g.v.Get(name, shape...)
	if err != nil {
		g.t.Fatal(err)
	}
	n := len(flat)
	if len(shape) > 0 {
		n /= shape[0]
	}
	var out [][]float32
	for at := 0; at < len(flat); at += n {
		out = append(out, flat[at:at+n])
	}
	return out
}

func (g golden) tokens() [][]int32 {
	var out [][]int32
	for _, row := range g.rows("tokens") {
		ids := make([]int32, len(row))
		for i, x := range row {
			ids[i] = int32(x)
		}
		out = append(out, ids)
	}
	return out
}

func TestTowersAgreeWithPyTorchInAllLayouts(t *testing.T) {
	for _, c := range []struct {
		file, golden string
		act          weights.Activation
		layout       weights.Layout
	}{
		{"tiny_openai.pt", "golden_quickgelu.safetensors", weights.QuickGELU, weights.LayoutOpenAI},
		{"tiny_text_prefix.pt", "golden_quickgelu.safetensors", weights.QuickGELU, weights.LayoutOpenCLIPText},
		{"tiny_hf.safetensors", "golden_quickgelu.safetensors", weights.QuickGELU, weights.LayoutHuggingFace},
		{"tiny_openai.pt", "golden_gelu.safetensors", weights.GELU, weights.LayoutOpenAI},
	} {
		t.Run(c.file+" "+c.act.String(), func(t *testing.T) {
			opts := tinyHeads
			opts.Activation = c.act
			ck, err := weights.OpenCLIP(filepath.Join("testdata", c.file), opts)
			if err != nil {
				t.Fatal(err)
			}
			defer ck.Close()
			if ck.Layout != c.layout {
				t.Errorf("layout %v, want %v", ck.Layout, c.layout)
			}
			m, err := New(ck, Options{Batch: 3}) // so that the last batch is an odd one
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			checkModel(t, m, openGolden(t, c.golden), 1e-5)
		})
	}
}

func checkModel(t *testing.T, m *Model, g golden, tolerance float64) {
	t.Helper()
	images, err := m.Images.Encode(context.Background(), g.rows("images"))
	if err != nil {
		t.Fatal(err)
	}
	texts, err := m.Texts.EncodeTokens(context.Background(), g.tokens())
	if err != nil {
		t.Fatal(err)
	}
	logits, err := m.ZeroShot(context.Background(), images, texts)
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string][][]float32{"image_features": images, "text_features": texts, "logits": logits} {
		if e := largestError(got, g.rows(name)); !(e <= tolerance) {
			t.Errorf("%s: error %.2g of the largest value, want at most %g", name, e, tolerance)
		}
	}
}

// largestError is the largest difference relative to the largest value wanted.
func largestError(got, want [][]float32) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	var worst, top float64
	for i := range want {
		if len(got[i]) != len(want[i]) {
			return math.Inf(1)
		}
		for j, w := range want[i] {
			top = math.Max(top, math.Abs(float64(w)))
			if d := math.Abs(float64(got[i][j]) - float64(w)); d > worst || d != d {
				worst = d
			}
		}
	}
	return worst / top
}

func TestGradientOfTheWholeModelAgreesWithPyTorch(t *testing.T) {
	opts := tinyHeads
	opts.Activation = weights.QuickGELU
	ck, err := weights.OpenCLIP(filepath.Join("testdata", "tiny_openai.pt"), opts)
	if err != nil {
		t.Fatal(err)
	}
	defer ck.Close()
	golden := openGolden(t, "golden_quickgelu.safetensors")
	dev, err := device.Open(device.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	loss, grads := contrastiveGradients(t, ck, device.Engine(dev), golden, 1.5)
	if want := golden.rows("loss")[0][0]; math.Abs(float64(loss-want)) > 1e-5 {
		t.Errorf("loss %g, want %g", loss, want)
	}
	for name, got := range grads {
		want := golden.rows("grad." + name)
		if e := largestError([][]float32{got}, [][]float32{flatten(want)}); !(e <= 1e-4) {
			t.Errorf("gradient of %s: error %.2g of the largest value", name, e)
		}
	}
}

// contrastiveGradients computes the loss and the gradient of every parameter
// for the golden file's images and captions, with the logit scale given.
func contrastiveGradients(t *testing.T, ck *weights.Checkpoint, eng engine.Engine, golden golden,
	scale float32) (float32, map[string][]float32) {
	t.Helper()
	w := tower.NewWeights(eng)
	defer w.Close()
	for _, p := range ck.Config.Parameters() {
		values := []float32{scale}
		if p.Name != "logit_scale" {
			var err error
			if values, err = ck.View().Get(p.Name, p.Shape...); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Add(p, values); err != nil {
			t.Fatal(err)
		}
	}
	images, tokens := golden.rows("images"), golden.tokens()
	trie, err := text.NewTrie(tokens)
	if err != nil {
		t.Fatal(err)
	}
	g := graph.New(eng)
	defer g.Close()
	scope := w.Bind(g)
	n := NewContrastive(g, scope, ck.Config, len(images), trie.Len()+5) // five nodes of padding
	var leaves []*graph.Node
	for _, name := range w.Names() {
		leaves = append(leaves, scope.Get(name))
	}
	grads := g.Gradients(n.Loss, leaves...)
	p, err := g.Compile(append(grads, n.Loss)...)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := g.Set(n.Images, flatten(images)); err != nil {
		t.Fatal(err)
	}
	if err := n.Texts.Set(g, Nodes(trie), nil); err != nil {
		t.Fatal(err)
	}
	if err := p.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	out := map[string][]float32{}
	for i, name := range w.Names() {
		if out[name], err = p.Float32(grads[i]); err != nil {
			t.Fatal(err)
		}
	}
	loss, err := p.Float32(n.Loss)
	if err != nil {
		t.Fatal(err)
	}
	return loss[0], out
}

func flatten(rows [][]float32) []float32 {
	var out []float32
	for _, r := range rows {
		out = append(out, r...)
	}
	return out
}

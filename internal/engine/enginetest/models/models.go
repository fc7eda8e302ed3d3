// Package models checks whole models on a device's engine against another
// engine: features of both towers, and the gradient of the contrastive loss
// with respect to every parameter.
package models

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"clipcalib/internal/clip"
	"clipcalib/internal/device"
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"
	"clipcalib/internal/tower"
	"clipcalib/text"
	"clipcalib/vit"
	"clipcalib/weights"
)

var prompts = []string{"a photo of a cat.", "a photo of a dog.", "a photo of a hot dog.", "a blurry photo of a cat.",
	"itap of a ship."}

func images(c weights.Config, n int) [][]float32 {
	r := rand.New(rand.NewPCG(3, 4))
	out := make([][]float32, n)
	for i := range out {
		out[i] = make([]float32, 3*c.Vision.ImageSize*c.Vision.ImageSize)
		for j := range out[i] {
			out[i][j] = float32(r.NormFloat64())
		}
	}
	return out
}

// tokens returns the prompts within the bounds of a model: a small one has a
// small vocabulary and short prompts.
func tokens(c weights.Config) [][]int32 {
	tokenizer := text.NewTokenizer()
	var out [][]int32
	for _, s := range prompts {
		ids := tokenizer.TokensTruncated(s)
		ids = ids[len(ids)-min(len(ids), c.Text.Context):]
		for i, id := range ids {
			ids[i] = id % int32(c.Text.Vocab)
		}
		out = append(out, ids)
	}
	return out
}

// Features holds what both towers make of the same images and prompts.
type Features struct{ Images, Texts [][]float32 }

// Encode runs both towers, the images in batches of which the last is short.
func Encode(t testing.TB, e engine.Engine, ck *weights.Checkpoint, n int) Features {
	t.Helper()
	ctx := context.Background()
	d := device.Share(e)
	v, err := vit.NewEncoder(ck, vit.Options{Device: d, Batch: max(1, n-1)})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	w, err := text.NewEncoder(ck, text.Options{Device: d})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var f Features
	if f.Images, err = v.Encode(ctx, images(ck.Config, n)); err != nil {
		t.Fatal(err)
	}
	if f.Texts, err = w.EncodeTokens(ctx, tokens(ck.Config)); err != nil {
		t.Fatal(err)
	}
	return f
}

// Worst returns the largest of 1 - cosine over the rows of a and b.
func Worst(a, b [][]float32) float64 {
	worst := 0.0
	for i := range a {
		var ab, aa, bb float64
		for j := range a[i] {
			x, y := float64(a[i][j]), float64(b[i][j])
			ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
		}
		if d := 1 - ab/math.Sqrt(aa*bb); !(d <= worst) {
			worst = d
		}
	}
	return worst
}

// Gradients returns the contrastive loss, as "loss", and its gradient with
// respect to every parameter, by name. It runs twice and wants equal bytes.
func Gradients(t testing.TB, e engine.Engine, ck *weights.Checkpoint) map[string][]float32 {
	t.Helper()
	w := tower.NewWeights(e)
	defer w.Close()
	for _, p := range ck.Config.Parameters() {
		values := []float32{1.5}
		var err error
		if p.Name != "logit_scale" {
			values, err = ck.View().Get(p.Name, p.Shape...)
		}
		if err == nil {
			err = w.Add(p, values)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	trie, err := text.NewTrie(tokens(ck.Config))
	if err != nil {
		t.Fatal(err)
	}
	g := graph.New(e)
	defer g.Close()
	scope := w.Bind(g)
	n := clip.NewContrastive(g, scope, ck.Config, len(prompts), trie.Len()+3)
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
	var flat []float32
	for _, img := range images(ck.Config, len(prompts)) {
		flat = append(flat, img...)
	}
	if err := g.Set(n.Images, flat); err != nil {
		t.Fatal(err)
	}
	if err := n.Texts.Set(g, clip.Nodes(trie), nil); err != nil {
		t.Fatal(err)
	}
	var out map[string][]float32
	for range 2 {
		if err := p.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		now := map[string][]float32{}
		for i, name := range append([]string{"loss"}, w.Names()...) {
			node := n.Loss
			if i > 0 {
				node = grads[i-1]
			}
			if now[name], err = p.Float32(node); err != nil {
				t.Fatal(err)
			}
			for j, v := range out[name] {
				if math.Float32bits(v) != math.Float32bits(now[name][j]) {
					t.Errorf("%s differs from run to run", name)
					break
				}
			}
		}
		out = now
	}
	return out
}

// WorstGradient returns the largest difference of any parameter's gradient as
// a part of the parameter's largest, and whose it is.
func WorstGradient(got, want map[string][]float32) (worst float64, where string) {
	for name, w := range want {
		var diff, size float64
		for i, v := range w {
			size = math.Max(size, math.Abs(float64(v)))
			if d := math.Abs(float64(v) - float64(got[name][i])); !(d <= diff) {
				diff = d
			}
		}
		if r := diff / math.Max(size, 1e-12); size > 0 && !(r <= worst) {
			worst, where = r, name
		}
	}
	return worst, where
}

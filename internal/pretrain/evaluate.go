package pretrain

import (
	"context"
	"fmt"
	"strings"

	"clipcalib/calib"
	"clipcalib/internal/clip"
	"clipcalib/internal/graph"
	"clipcalib/internal/imagetower"
	"clipcalib/internal/ops"
	"clipcalib/internal/texttower"
	"clipcalib/text"

	"gorgonia.org/tensor"
)

// Probe is a labelled set the model is measured on while it trains, zero-shot.
type Probe struct {
	Name     string
	Images   [][]byte // RGB of the recipe's image_size
	Labels   []int
	Classes  []string
	Template string // with "{}" for the class
}

// ZeroShot measures the model as it is on a probe: cosines with the classes'
// prompts, times the learned factor.
func (t *Trainer) ZeroShot(ctx context.Context, p Probe) (calib.Metrics, error) {
	prompts, err := text.Prompts(p.Template, p.Classes)
	if err != nil {
		return calib.Metrics{}, err
	}
	prototypes, err := t.encodeTexts(ctx, prompts)
	if err != nil {
		return calib.Metrics{}, err
	}
	scale, err := t.clipScale()
	if err != nil {
		return calib.Metrics{}, err
	}
	logits := calib.NewMatrix(len(p.Images), len(p.Classes))
	for from := 0; from < len(p.Images); from += scaleChunk {
		features, err := t.encodeImages(ctx, p.Images[from:min(from+scaleChunk, len(p.Images))])
		if err != nil {
			return calib.Metrics{}, err
		}
		rows, err := clip.Logits(features, prototypes, scale)
		if err != nil {
			return calib.Metrics{}, err
		}
		for i, row := range rows {
			for k, v := range row {
				logits.Row(from + i)[k] = float64(v)
			}
		}
	}
	return calib.Evaluate(logits, p.Labels, calib.Options{})
}

// Unseen lists the tokens of a probe's prompts that no caption has, as text: they
// embed to zero, so a class that is told by them alone cannot be.
func (t *Trainer) Unseen(p Probe) (tokens []string, err error) {
	prompts, err := text.Prompts(p.Template, p.Classes)
	if err != nil {
		return nil, err
	}
	tokenizer := text.NewTokenizer()
	seen := map[int32]bool{}
	for _, s := range prompts {
		for _, token := range tokenizer.TokensTruncated(s) {
			if t.corpus.row(token) < 0 && !seen[token] {
				seen[token] = true
				tokens = append(tokens, strings.TrimSpace(tokenizer.Decode([]int32{token})))
			}
		}
	}
	return tokens, nil
}

func (t *Trainer) encodeImages(ctx context.Context, rgb [][]byte) ([][]float32, error) {
	s := t.Recipe.ImageSize
	flat := make([]float32, len(rgb)*3*s*s)
	for i, img := range rgb {
		if len(img) != 3*s*s {
			return nil, fmt.Errorf("picture %d has %d bytes, want 3 x %d x %d", i, len(img), s, s)
		}
		plain(flat[i*len(img):(i+1)*len(img)], img)
	}
	g := graph.New(t.eng)
	defer g.Close()
	images := g.Input("images", tensor.Float32, len(rgb), 3, s, s)
	y := imagetower.Tower(g, t.weights.Bind(g), t.Recipe.Config(), images, false)
	return runOnce(ctx, g, y, func() error { return g.Set(images, flat) })
}

func (t *Trainer) encodeTexts(ctx context.Context, prompts []string) ([][]float32, error) {
	tokenizer := text.NewTokenizer()
	var tokens [][]int32
	for _, s := range prompts {
		tokens = append(tokens, tokenizer.TokensTruncated(s))
	}
	trie, err := text.NewTrie(tokens)
	if err != nil {
		return nil, err
	}
	g := graph.New(t.eng)
	defer g.Close()
	in := texttower.NewInputs(g, trie.Len(), len(prompts))
	y := texttower.Tower(g, t.weights.Bind(g), t.Recipe.Config(), in, nil, false)
	return runOnce(ctx, g, y, func() error { return in.Set(g, clip.Nodes(trie), t.corpus.row) })
}

// runOnce compiles y, sets its inputs, and returns its rows made one long.
func runOnce(ctx context.Context, g *graph.Graph, y *graph.Node, set func() error) ([][]float32, error) {
	y = ops.L2Normalize(g, y)
	p, err := g.Compile(y)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	if err := set(); err != nil {
		return nil, err
	}
	if err := p.Run(ctx); err != nil {
		return nil, err
	}
	flat, err := p.Float32(y)
	if err != nil {
		return nil, err
	}
	n := y.Shape()[1]
	var rows [][]float32
	for at := 0; at < len(flat); at += n {
		rows = append(rows, flat[at:at+n])
	}
	return rows, nil
}

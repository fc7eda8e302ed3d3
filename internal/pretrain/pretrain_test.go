package pretrain

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipcalib/internal/clip"
	"clipcalib/internal/data"
	"clipcalib/internal/device"
	"clipcalib/internal/engine"
	"clipcalib/internal/pairs"
	"clipcalib/text"
	"clipcalib/weights"
)

// squares are pictures of one bright quarter, named by place and colour.
type squares struct{ side, n int }

var (
	places  = []string{"top left", "top right", "bottom left", "bottom right"}
	colours = []string{"red", "green", "blue"}
	kinds   = len(places) * len(colours)
)

func (s squares) Len() int              { return s.n }
func (s squares) Size() int             { return s.side }
func (s squares) Kind(i int) pairs.Kind { return pairs.Coloured }
func (s squares) Close() error          { return nil }

func (s squares) Ignored() []data.LeftOut { return nil }
func (s squares) what(i int) (p, c int)   { return i % len(places), i / len(places) % len(colours) }
func (s squares) name(i int) string       { p, c := s.what(i); return places[p] + " " + colours[c] }
func (s squares) Label(i int) int         { return i % kinds }
func (s squares) Captions(i int) ([]string, error) {
	return []string{s.name(i), fmt.Sprintf("a %s square, number %d", s.name(i), i/kinds)}, nil
}

func (s squares) Image(i int, dst []byte) error {
	p, c := s.what(i)
	for y := range s.side {
		for x := range s.side {
			px := dst[3*(y*s.side+x):][:3]
			copy(px, []byte{250, 250, 250})
			if 2*x/s.side == p%2 && 2*y/s.side == p/2 {
				copy(px, []byte{0, 0, 0})
				px[c] = byte(200 + i%40)
			}
		}
	}
	return nil
}

func smallRecipe() Recipe {
	r := DefaultRecipe()
	r.Batch, r.Steps, r.Warmup = 8, 6, 2
	r.ImageSize, r.Patch = 16, 4
	r.VisionWidth, r.VisionLayers, r.VisionHeads = 32, 2, 2
	r.TextWidth, r.TextLayers, r.TextHeads, r.EmbedDim = 32, 2, 2, 16
	return r
}

func openEngine(t *testing.T) engine.Engine {
	t.Helper()
	d, err := device.Open(device.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return device.Engine(d)
}

func newTrainer(t *testing.T, r Recipe) *Trainer {
	t.Helper()
	tr, err := New(openEngine(t), squares{r.ImageSize, 5 * kinds}, r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.Close)
	return tr
}

var errStop = errors.New("stop here")

// until stops a run after a step.
func until(step int) func(Point) error {
	return func(p Point) error {
		if p.Step == step {
			return errStop
		}
		return nil
	}
}

func TestTrainingLearnsAndExportsAModelThatOpens(t *testing.T) {
	r := smallRecipe()
	r.Batch, r.Steps, r.Warmup, r.LR, r.Coloured = kinds, 150, 10, 3e-3, 1
	data := squares{r.ImageSize, kinds}
	tr, err := New(openEngine(t), data, r)
	if err != nil {
		t.Fatal(err)
	}
	defer tr.Close()
	var first, last float32
	err = tr.Run(context.Background(), func(p Point) error {
		if p.Step == 1 {
			first = p.Loss
		}
		last = p.Loss
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := math.Log(12); math.Abs(float64(first)-want) > 1 {
		t.Errorf("first loss %g, want about ln 12 = %.2f", first, want)
	}
	if !(last < 1) {
		t.Errorf("loss %g after %d steps", last, r.Steps)
	}

	probe := Probe{Name: "squares", Template: "a {} square, number 0"}
	for i := range kinds {
		rgb := make([]byte, 3*r.ImageSize*r.ImageSize)
		if err := data.Image(i, rgb); err != nil {
			t.Fatal(err)
		}
		probe.Images, probe.Labels = append(probe.Images, rgb), append(probe.Labels, data.Label(i))
		probe.Classes = append(probe.Classes, data.name(i))
	}
	m, err := tr.ZeroShot(context.Background(), probe)
	if err != nil || m.Accuracy < 0.8 {
		t.Errorf("zero-shot accuracy %v (%v)", m.Accuracy, err)
	}
	if unseen, err := tr.Unseen(probe); err != nil || len(unseen) > 0 {
		t.Errorf("tokens %q are said to be unseen (%v)", unseen, err)
	}
	probe.Classes = append([]string{"top left zebra"}, probe.Classes[1:]...)
	if unseen, err := tr.Unseen(probe); err != nil || !slices.Equal(unseen, []string{"zebra"}) {
		t.Errorf("unseen tokens %q (%v)", unseen, err)
	}
	probe.Classes[0] = data.name(0)

	path := filepath.Join(t.TempDir(), "model.pt")
	if err := tr.Export(path, nil); err != nil {
		t.Fatal(err)
	}
	checkExport(t, path, tr, probe)
}

// checkExport compares the file's features with the trainer's own.
func checkExport(t *testing.T, path string, tr *Trainer, p Probe) {
	t.Helper()
	if info, err := os.Stat(path); err != nil || info.Size() > 400_000 {
		t.Errorf("exported file: %v %v; rows of zeros should deflate", info.Size(), err)
	}
	m, err := clip.Open(path, clip.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	ctx := context.Background()
	want, err := tr.encodeTexts(ctx, p.Classes)
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.Texts.Encode(ctx, p.Classes)
	if err != nil {
		t.Fatal(err)
	}
	logits, err := clip.Logits(got, want, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range logits {
		if logits[i][i] < 0.999 {
			t.Errorf("text %q: cosine %g between the trainer's feature and the file's", p.Classes[i], logits[i][i])
		}
	}
}

func TestRestoreRefusesAnotherRun(t *testing.T) {
	r := smallRecipe()
	tr := newTrainer(t, r)
	path := filepath.Join(t.TempDir(), "state.safetensors")
	if err := tr.Save(path); err != nil {
		t.Fatal(err)
	}
	r.Seed++
	if err := newTrainer(t, r).Restore(path); err == nil || !strings.Contains(err.Error(), "another recipe") {
		t.Errorf("another seed: %v", err)
	}
	model := filepath.Join(t.TempDir(), "model.pt")
	if err := tr.Export(model, nil); err != nil {
		t.Fatal(err)
	}
	if err := tr.Restore(model); err == nil || !strings.Contains(err.Error(), "not a training checkpoint") {
		t.Errorf("a model: %v", err)
	}
}

func TestUnseenTokensAreRowsOfZeros(t *testing.T) {
	tr := newTrainer(t, smallRecipe())
	path := filepath.Join(t.TempDir(), "model.pt")
	if err := tr.Export(path, nil); err != nil {
		t.Fatal(err)
	}
	ck, err := weights.OpenCLIP(path, weights.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer ck.Close()
	w := tr.Recipe.TextWidth
	table, err := ck.View().Get("token_embedding.weight", text.VocabSize, w)
	if err != nil {
		t.Fatal(err)
	}
	full := 0
	for at := 0; at < len(table); at += w {
		for _, x := range table[at : at+w] {
			if x != 0 {
				full++
				break
			}
		}
	}
	if full != tr.Vocabulary() {
		t.Errorf("%d rows are not zero, %d tokens occur", full, tr.Vocabulary())
	}
}

func TestRunStopsWhenItsContextEnds(t *testing.T) {
	tr := newTrainer(t, smallRecipe())
	ctx, cancel := context.WithCancel(context.Background())
	err := tr.Run(ctx, func(p Point) error {
		if p.Step == 2 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || tr.Step() < 2 || tr.Step() == tr.Recipe.Steps {
		t.Errorf("error %v after step %d", err, tr.Step())
	}
}

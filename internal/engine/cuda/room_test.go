//go:build linux

package cuda_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"clipcalib/adapt"
	"clipcalib/adapt/prompt"
	"clipcalib/internal/clip"
	"clipcalib/internal/cliptest"
	"clipcalib/internal/device"
	"clipcalib/internal/engine"
	"clipcalib/internal/engine/cuda"
	"clipcalib/internal/engine/enginetest/models"
	"clipcalib/text"
	"clipcalib/vit"
	"clipcalib/weights"
)

// TestAutomaticBatchGivesWay encodes where 256 pictures do not fit, and where
// memory runs out on the way: all features must be there, and right.
func TestAutomaticBatchGivesWay(t *testing.T) {
	ck := openTiny(t)
	for _, c := range []struct {
		memory int64
		taken  int64 // hundredths of the engine's memory that are lost after the first batch
		whole  bool  // 256 pictures fit to the end
	}{{600 << 10, 0, false}, {64 << 20, 0, true}, {64 << 20, 40, false}} {
		t.Run(fmt.Sprint(c.memory, c.taken), func(t *testing.T) {
			e := cuda.OpenFake(t, cuda.Options{Memory: c.memory})
			v := encoder(t, e, ck, vit.AutoBatch)
			if v.Batch() != 256 {
				t.Errorf("begins with %d pictures", v.Batch())
			}
			all := pictures(v.Preprocessor(), 700)
			want, err := encoder(t, openCPU(t), ck, 0).EncodeBatch(t.Context(), all)
			if err != nil {
				t.Fatal(err)
			}
			var got [][]float32
			for b, err := range v.EncodeBatches(t.Context(), inBatches(all, 256)) {
				if err != nil {
					t.Fatalf("after %d pictures: %v", len(got), err)
				}
				if got = append(got, b.Features...); len(got) == 256 && c.taken > 0 {
					held, _ := e.Held()
					cuda.Limit(e, -held*c.taken/100)
				}
			}
			if len(got) != 700 {
				t.Fatalf("%d features", len(got))
			}
			if w := models.Worst(got, want); !(w < 1e-6) {
				t.Errorf("1 - cosine is %g", w)
			}
			if v.Batch() < 16 || c.whole != (v.Batch() == 256) {
				t.Errorf("ends with %d pictures at a time", v.Batch())
			}
			t.Logf("%d pictures at a time in the end", v.Batch())
		})
	}
}

// TestTextsGiveWay encodes many prompts where their trie does not fit at once.
func TestTextsGiveWay(t *testing.T) {
	ck := openTiny(t)
	r := rand.New(rand.NewPCG(9, 10))
	var prompts [][]int32
	for range 400 {
		p := []int32{1, 2}
		for range 1 + r.IntN(ck.Config.Text.Context-3) {
			p = append(p, int32(r.IntN(ck.Config.Text.Vocab-2)))
		}
		prompts = append(prompts, append(p, int32(ck.Config.Text.Vocab-1)))
	}
	encode := func(e engine.Engine, opened func()) ([][]float32, error) {
		w, err := text.NewEncoder(ck, text.Options{Device: device.Share(e)})
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		opened()
		return w.EncodeTokens(t.Context(), prompts)
	}
	want, err := encode(openCPU(t), func() {})
	if err != nil {
		t.Fatal(err)
	}
	e := cuda.OpenFake(t, cuda.Options{})
	for _, room := range []int64{64 << 20, 40 << 10, 20 << 10} {
		got, err := encode(e, func() { cuda.Limit(e, room) })
		if err != nil {
			t.Fatalf("room for %d bytes: %v", room, err)
		}
		if w := models.Worst(got, want); !(w < 1e-6) {
			t.Errorf("room for %d bytes: 1 - cosine is %g", room, w)
		}
		if held, _ := e.Held(); room == 64<<20 && held < 120<<10 {
			t.Errorf("the trie takes but %d bytes: it always fits", held)
		}
		cuda.Trim(t, e)
	}
	var many *engine.TooMany
	if _, err := encode(e, func() { cuda.Limit(e, 3000) }); !errors.As(err, &many) || many.Of != engine.TrieNodes {
		t.Errorf("not even a prompt fits: %v", err)
	}
}

// TestPromptTrainingNamesWhatDoesNotFit trains where there is no room for it: a
// method that encodes pictures names a batch, one on features the prompts.
func TestPromptTrainingNamesWhatDoesNotFit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tiny.pt")
	if err := cliptest.Write(path, cliptest.Tiny(), 1); err != nil {
		t.Fatal(err)
	}
	ck, err := weights.OpenCLIP(path, weights.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer ck.Close()
	e := cuda.OpenFake(t, cuda.Options{})
	m, err := clip.New(ck, clip.Options{Device: device.Share(e), Batch: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	r := rand.New(rand.NewPCG(1, 1))
	data := prompt.Data{Classes: []string{"a", "b", "c"}, Labels: make([]int, 60), Views: 1,
		Prototypes: adapt.NewMatrix(3, ck.Config.EmbedDim), Features: adapt.NewMatrix(60, ck.Config.EmbedDim),
		Image: func(_, _ int, dst []float32) error { return nil }}
	for _, x := range [][]float32{data.Prototypes.Data, data.Features.Data} {
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
	}
	for method, want := range map[prompt.Method]string{prompt.CoOp{}: engine.TrieNodes,
		prompt.MaPLe{Depth: 1}: engine.Samples} {
		cuda.Trim(t, e)
		cuda.Limit(e, 20<<10)
		_, err := prompt.Train(t.Context(), m, method, nil, data, prompt.Options{Epochs: 1, Batch: 60})
		var many *engine.TooMany
		if !errors.As(err, &many) || many.Of != want {
			t.Errorf("%s: error %v", method.Name(), err)
		}
	}
}

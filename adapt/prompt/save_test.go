package prompt

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipcalib/adapt"
	"clipcalib/internal/clip"
	"clipcalib/weights"
)

func TestSavedLearnersAreTheSameWhenLoaded(t *testing.T) {
	m := seededModel(t, smallConfig, clip.Options{})
	data := goldenData(t, m)
	ctx := context.Background()
	for _, c := range goldenMethods {
		l, err := Train(ctx, m, c.method, adapt.SaLS{}, data, Options{Epochs: 2, Batch: 8, Schedule: adapt.Constant})
		if err != nil {
			t.Fatal(err)
		}
		want, err := l.Logits(ctx, goldenInput(data))
		if err != nil {
			t.Fatal(err)
		}
		for _, ext := range []string{".safetensors", ".pt"} {
			path := filepath.Join(t.TempDir(), "prompts"+ext)
			again := filepath.Join(t.TempDir(), "again"+ext)
			if err := l.Save(path); err != nil {
				t.Fatal(err)
			}
			back, err := Load(path, m, LoadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := back.Logits(ctx, goldenInput(data))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.Data, want.Data) {
				t.Errorf("%s%s: other logits after loading", c.name, ext)
			}
			if err := back.Save(again); err != nil {
				t.Fatal(err)
			}
			a, _ := os.ReadFile(path)
			b, _ := os.ReadFile(again)
			if !bytes.Equal(a, b) {
				t.Errorf("%s%s: other bytes when saved again", c.name, ext)
			}
		}
	}
}

// TestCheckpointsOfTheReleasesLoad strips our metadata from saved files: what
// is left are tensors as the PyTorch releases save them.
func TestCheckpointsOfTheReleasesLoad(t *testing.T) {
	m := seededModel(t, smallConfig, clip.Options{})
	data := goldenData(t, m)
	ctx := context.Background()
	for _, c := range goldenMethods {
		l, err := Train(ctx, m, c.method, nil, data, Options{Epochs: 1})
		if err != nil {
			t.Fatal(err)
		}
		var tensors []weights.NamedTensor
		short := !NeedsImages(c.method) // as CoOp and CoCoOp save them
		for _, p := range l.params {
			name := p.name
			if short {
				name = strings.TrimPrefix(name, learner)
			}
			tensors = append(tensors, weights.NamedTensor{Name: name, Shape: p.shape, Data: p.data})
		}
		tensors = append(tensors, weights.NamedTensor{Name: "token_prefix", Shape: []int{7, 1, 32},
			Data: make([]float32, 7*32)})
		path := filepath.Join(t.TempDir(), "model.pth.tar-1")
		if err := weights.WritePyTorch(path, tensors, weights.TorchOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path, m, LoadOptions{}); err == nil || !strings.Contains(err.Error(), "classes") {
			t.Errorf("%s: without classes: error %v", c.name, err)
		}
		back, err := Load(path, m, LoadOptions{Classes: goldenClasses})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		want, err := l.Logits(ctx, goldenInput(data))
		if err != nil {
			t.Fatal(err)
		}
		got, err := back.Logits(ctx, goldenInput(data))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Data, want.Data) {
			t.Errorf("%s, taken for %s: other logits after loading", c.name, back.Method.Name())
		}
	}
}

func TestDasslCheckpointEvaluatesAsInPyTorch(t *testing.T) {
	m := seededModel(t, smallConfig, clip.Options{})
	l, err := Load(filepath.Join("testdata", "model.pth.tar-10"), m, LoadOptions{Classes: goldenClasses})
	if err != nil {
		t.Fatal(err)
	}
	if c, ok := l.Method.(CoOp); !ok || c.Contexts != 4 {
		t.Errorf("taken for %+v", l.Method)
	}
	got, err := l.Logits(context.Background(), goldenInput(goldenData(t, m)))
	if err != nil {
		t.Fatal(err)
	}
	if e := largestError(got.Data, golden(t, openGolden(t, "golden_methods.safetensors"),
		"dassl.logits")); !(e <= 1e-5) {
		t.Errorf("logits: error %.2g of the largest value", e)
	}
}

func TestFilesThatDoNotFitAreRefusedByName(t *testing.T) {
	m := seededModel(t, smallConfig, clip.Options{})
	ctx := func(shape ...int) weights.NamedTensor {
		n := 1
		for _, d := range shape {
			n *= d
		}
		return weights.NamedTensor{Name: "ctx", Shape: shape, Data: make([]float32, n)}
	}
	bad := ctx(4, 32)
	bad.Data[3] = float32(inf())
	for name, c := range map[string]struct {
		tensor weights.NamedTensor
		want   string
	}{
		"other width":   {ctx(4, 512), "[4 512], want [4 32]"},
		"other classes": {ctx(5, 4, 32), "5 classes, used with 7"},
		"no prompts": {weights.NamedTensor{Name: "weight", Shape: []int{1}, Data: []float32{1}},
			`no tensor "prompt_learner.ctx"`},
		"a vector":       {ctx(32), "want [vectors, width]"},
		"too many":       {ctx(74, 32), "more than the 77"},
		"infinite value": {bad, "finite"},
	} {
		path := filepath.Join(t.TempDir(), "bad.safetensors")
		if err := weights.WriteSafetensors(path, []weights.NamedTensor{c.tensor}, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path, m, LoadOptions{Classes: goldenClasses}); err == nil ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

func TestCheckpointsOfOthersAreInitialValues(t *testing.T) {
	m := seededModel(t, smallConfig, clip.Options{})
	path := filepath.Join("testdata", "model.pth.tar-10")
	init, err := InitialValues(path, m, CoOp{Contexts: 4}, goldenClasses)
	if err != nil || len(init) != 1 || len(init[nameCtx]) != 4*32 {
		t.Fatalf("%d tensors, %v", len(init), err)
	}
	if params, err := initial(context.Background(), m, CoOp{Contexts: 4}, mustLayout(t, m, CoOp{Contexts: 4}).slots,
		1); err != nil || override(params, init) != nil || params[0].data[5] != init[nameCtx][5] {
		t.Errorf("the values do not start a training: %v", err)
	}
	saved := filepath.Join(t.TempDir(), "cocoop.safetensors")
	cocoop := &Learner{Method: CoCoOp{}, Remedy: adapt.None{}, LogitScale: 100, classes: goldenClasses}
	layout := mustLayout(t, m, CoCoOp{})
	if cocoop.params, err = initial(context.Background(), m, CoCoOp{}, layout.slots, 1); err != nil {
		t.Fatal(err)
	}
	if err := cocoop.Save(saved); err != nil {
		t.Fatal(err)
	}
	if init, err := InitialValues(saved, m, CoCoOp{}, goldenClasses); err != nil || len(init) != len(layout.slots) {
		t.Errorf("our own file: %d tensors, %v", len(init), err)
	}
	for name, c := range map[string]struct {
		path string
		m    Method
		want string
	}{
		"other vectors": {path, CoOp{Contexts: 16}, "[4 32], and coop trains [16 32]"},
		"more than it":  {saved, KgCoOp{}, "prompts of cocoop with prompt_learner.meta_net"},
		"no prompts":    {filepath.Join("testdata", "golden_trie.safetensors"), CoOp{}, "nothing named"},
	} {
		if _, err := InitialValues(c.path, m, c.m, goldenClasses); err == nil || !strings.Contains(err.Error(),
			c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

func mustLayout(t *testing.T, model *Model, m Method) layout {
	t.Helper()
	l, err := newLayout(model, m, goldenClasses)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

package clip

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/text"
	"clipcalib/vit"
	"clipcalib/weights"
)

// foreign is a golden of testdata/make_foreign.py.
type foreign struct {
	Images, Texts [][]float64
	Prompts       []string
	Activation    string
}

// Folders as transformers and open_clip write them give the features that those
// libraries give: each has fields that change them.
func TestForeignFoldersGiveTheirLibrariesFeatures(t *testing.T) {
	const root = "testdata/foreign"
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		checked++
		t.Run(e.Name(), func(t *testing.T) {
			dir := filepath.Join(root, e.Name())
			var want foreign
			raw, err := os.ReadFile(filepath.Join(dir, "golden.json"))
			if err == nil {
				err = json.Unmarshal(raw, &want)
			}
			if err != nil {
				t.Fatal(err)
			}
			compareForeign(t, dir, root, want)
			compareConverted(t, dir, root, want)
		})
	}
	if checked != 9 {
		t.Errorf("%d folders, want 9", checked)
	}
}

func compareForeign(t *testing.T, path, root string, want foreign) {
	t.Helper()
	c, err := weights.OpenCLIP(path, weights.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := c.Config.Activation.String(); got != want.Activation {
		t.Errorf("activation %s (%s), want %s", got, c.Config.ActivationReason, want.Activation)
	}
	images, err := vit.NewEncoder(c, vit.Options{})
	if want.Images == nil {
		if err == nil || !strings.Contains(err.Error(), "holds a text tower alone") {
			t.Errorf("images of a text tower: %v", err)
		}
	} else {
		if err != nil {
			t.Fatal(err)
		}
		defer images.Close()
		got, err := images.EncodeFiles(context.Background(), []string{filepath.Join(root, "picture.png")})
		near(t, "images", got, want.Images, err)
	}
	texts, err := text.NewEncoder(c, text.Options{})
	if err == nil {
		defer texts.Close()
		var got [][]float32
		if got, err = texts.Encode(context.Background(), []string{"a photo of a dog.", "x"}); want.Texts != nil {
			near(t, "texts", got, want.Texts, err)
		}
	}
	if want.Texts == nil && (err == nil || !strings.Contains(err.Error(), "texts cannot be encoded with")) {
		t.Errorf("texts of another vocabulary, or of no tower: %v", err)
	}
	if want.Texts != nil && err != nil {
		t.Error(err)
	}
}

// compareConverted does the same with the model written by Convert, which has
// no configuration beside it.
func compareConverted(t *testing.T, dir, root string, want foreign) {
	t.Helper()
	for _, layout := range []weights.Layout{0, weights.LayoutOpenAI} {
		out := filepath.Join(t.TempDir(), "alone.safetensors")
		if err := weights.Convert(dir, out, weights.ConvertOptions{Layout: layout}); err != nil {
			t.Fatal(err)
		}
		compareForeign(t, out, root, want)
	}
}

func near(t *testing.T, what string, got [][]float32, want [][]float64, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if len(got) != len(want) {
		t.Fatalf("%s: %d rows, want %d", what, len(got), len(want))
	}
	for i, row := range want {
		var dot, a, b, worst float64
		for j, w := range row {
			g := float64(got[i][j])
			dot, a, b = dot+g*w, a+g*g, b+w*w
			worst = max(worst, math.Abs(g-w))
		}
		if cos := dot / math.Sqrt(a*b); !(cos >= 0.99999) || worst > 2e-4*math.Sqrt(b) {
			t.Errorf("%s, row %d: cosine %.7f, off by %.3g of %.3g", what, i, cos, worst, math.Sqrt(b))
		}
	}
}

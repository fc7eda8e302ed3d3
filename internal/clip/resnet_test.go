package clip

import (
	"context"
	"path/filepath"
	"testing"

	"clipcalib/internal/device"
	"clipcalib/internal/engine/ref"
	"clipcalib/vit"
	"clipcalib/weights"
)

func TestResNetAgreesWithPyTorch(t *testing.T) {
	for _, c := range []struct {
		file   string
		layout weights.Layout
		act    weights.Activation // 0 where the file tells
	}{
		{"tiny_resnet.pt", weights.LayoutOpenAI, 0},
		{"tiny_resnet_text.safetensors", weights.LayoutOpenCLIPText, weights.QuickGELU},
	} {
		t.Run(c.file, func(t *testing.T) {
			o := weights.Options{Activation: c.act, TextHeads: 2}
			ck, err := weights.OpenCLIP(filepath.Join("testdata", c.file), o)
			if err != nil {
				t.Fatal(err)
			}
			defer ck.Close()
			if ck.Layout != c.layout || ck.Config.Activation != weights.QuickGELU {
				t.Errorf("layout %v, activation %v", ck.Layout, ck.Config.Activation)
			}
			m, err := New(ck, Options{Batch: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			checkModel(t, m, openGolden(t, "golden_resnet.safetensors"), 1e-6)
		})
	}
}

// The reference engine sums in float64 and keeps float32 between operations.
func TestResNetOnTheReferenceAgreesWithPyTorch(t *testing.T) {
	ck, err := weights.OpenCLIP("testdata/tiny_resnet.pt", weights.Options{TextHeads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer ck.Close()
	e, err := vit.NewEncoder(ck, vit.Options{Device: device.Share(ref.New()), Batch: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	g := openGolden(t, "golden_resnet.safetensors")
	got, err := e.Encode(context.Background(), g.rows("images"))
	if err != nil {
		t.Fatal(err)
	}
	if e := largestError(got, g.rows("image_features")); !(e <= 1e-6) {
		t.Errorf("error %.2g of the largest value", e)
	}
}

package weights

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestConvertKeepsTheModel(t *testing.T) {
	want := openCLIP(t, "clip.safetensors")
	for _, src := range []string{"clip_torchscript.pt", "clip_huggingface.safetensors", "clip_opencliptext.pt",
		"clip_legacy.pt"} {
		for _, layout := range []Layout{0, LayoutOpenAI, LayoutHuggingFace} {
			for _, name := range []string{"out.pt", "out.safetensors"} {
				for _, dtype := range []DType{0, F16, F32} {
					dst := filepath.Join(t.TempDir(), name)
					opts := ConvertOptions{Layout: layout, DType: dtype, Deflate: dtype == F16,
						CLIP: Options{Activation: GELU}}
					if err := Convert(fixture(src), dst, opts); err != nil {
						t.Fatalf("%s to %v %v: %v", src, layout, dtype, err)
					}
					c, err := OpenCLIP(dst, Options{})
					if err != nil {
						t.Fatalf("%s to %v %v: %v", src, layout, dtype, err)
					}
					if c.Config.Activation != GELU || layout != 0 && c.Layout != layout {
						t.Errorf("%s to %v: read back as %v, %v", src, layout, c.Layout, c.Config.Activation)
					}
					sameParameters(t, c, want)
					c.Close()
				}
			}
		}
	}
}

func TestConvertKeepsStridedTensorsAndIntegers(t *testing.T) {
	for src, values := range map[string]string{"views.pt": "views.json", "dtypes.safetensors": "dtypes.json"} {
		dst := filepath.Join(t.TempDir(), "out.safetensors")
		if err := Convert(fixture(src), dst, ConvertOptions{}); err != nil {
			t.Fatal(err)
		}
		f, err := Open(dst)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for name, w := range expectedValues(t, values) {
			checkTensor(t, f, name, w)
		}
	}
}

func TestConvertReportsProgress(t *testing.T) {
	var names []string
	last := 0
	err := Convert(fixture("clip_zip.pt"), filepath.Join(t.TempDir(), "out.pt"), ConvertOptions{
		Progress: func(name string, done, all int) {
			names = append(names, name)
			if last++; done != last || all < done {
				t.Errorf("progress %d of %d after %d calls", done, all, last)
			}
		}})
	if err != nil || !slices.Equal(names, open(t, "clip_zip.pt").Names()) {
		t.Errorf("%v, reported %v", err, names)
	}
}

func TestConvertRefusesWhatItCannotDo(t *testing.T) {
	dir := t.TempDir()
	for _, tc := range []struct {
		src, dst string
		opts     ConvertOptions
		want     string
	}{
		{fixture("clip_zip.pt"), filepath.Join(dir, "x.onnx"), ConvertOptions{}, "cannot tell the format"},
		{fixture("clip_zip.pt"), fixture("clip_zip.pt"), ConvertOptions{}, "source itself"},
		{fixture("views.pt"), filepath.Join(dir, "x.pt"), ConvertOptions{Layout: LayoutHuggingFace},
			"not a CLIP model"},
		{fixture("clip_zip.pt"), filepath.Join(dir, "x.pt"), ConvertOptions{DType: I64}, "want float32"},
		{fixture("none.pt"), filepath.Join(dir, "x.pt"), ConvertOptions{}, "no such file"},
	} {
		if err := Convert(tc.src, tc.dst, tc.opts); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("error %v, want one with %q", err, tc.want)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
		t.Errorf("files left behind: %v", left)
	}
}

func TestInspectSaysWhatThereIs(t *testing.T) {
	in, err := Inspect(fixture("clip_torchscript.pt"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if in.Format != "TorchScript archive" || in.Model == nil || in.Model.Architecture != "ViT-2x16/4@8px" ||
		len(in.SHA256) != 64 {
		t.Errorf("inspection %+v", in)
	}
	if in.DTypes[0].DType != "float16" || in.Model.Parameters != in.Model.VisionParameters+in.Model.TextParameters {
		t.Errorf("counts %+v %+v", in.DTypes, in.Model)
	}
	if !slices.Equal(in.Model.Ignored, []string{"context_length", "input_resolution", "vocab_size"}) {
		t.Errorf("ignored %v", in.Model.Ignored)
	}
	in, err = Inspect(fixture("views.pt"), Options{})
	if err != nil || in.Model != nil || !strings.Contains(in.NotCLIP, "not a CLIP model") {
		t.Errorf("inspection of other tensors: %+v, %v", in, err)
	}
}

func TestPublishedSizesHaveThePublishedParameterCounts(t *testing.T) {
	text := TextConfig{Context: 77, Vocab: 49408, Width: 512, Layers: 12, Heads: 8, MLP: 2048}
	wide := TextConfig{Context: 77, Vocab: 49408, Width: 768, Layers: 12, Heads: 12, MLP: 3072}
	for _, tc := range []struct {
		name                string
		config              Config
		total, vision, rest int64
	}{
		{"ViT-B/32", Config{EmbedDim: 512, Vision: VisionConfig{ImageSize: 224, Patch: 32, Width: 768, Layers: 12,
			Heads: 12, MLP: 3072}, Text: text}, 151277313, 87849216, 63428097},
		{"ViT-B/16", Config{EmbedDim: 512, Vision: VisionConfig{ImageSize: 224, Patch: 16, Width: 768, Layers: 12,
			Heads: 12, MLP: 3072}, Text: text}, 149620737, 86192640, 63428097},
		{"ViT-L/14", Config{EmbedDim: 768, Vision: VisionConfig{ImageSize: 224, Patch: 14, Width: 1024, Layers: 24,
			Heads: 16, MLP: 4096}, Text: wide}, 427616513, 303966208, 123650305},
	} {
		total, vision, rest := tc.config.Count()
		if tc.config.Architecture() != tc.name || total != tc.total || vision != tc.vision || rest != tc.rest {
			t.Errorf("%s: %d, %d, %d; want %s: %d, %d, %d", tc.config.Architecture(), total, vision, rest, tc.name,
				tc.total, tc.vision, tc.rest)
		}
	}
}

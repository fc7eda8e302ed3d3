package text_test

import (
	"context"
	"fmt"
	"log"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/cliptest"
	"clipcalib/text"
	"clipcalib/weights"
)

func openTiny(t *testing.T, nodes int) *text.Encoder {
	t.Helper()
	e, err := text.NewEncoder(cliptest.Open(t, cliptest.Tiny()), text.Options{Nodes: nodes})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func TestSharedPrefixesAndChunksDoNotChangeFeatures(t *testing.T) {
	texts := []string{"a photo of a dog.", "a photo of a cat.", "", "a photo of a dog.", "a photo", "an icon of a dog.",
		strings.Repeat("long ", 75), "a photo of a dog. A second sentence.", "a photo of a doghouse."}
	alone, err := openTiny(t, 1).Encode(context.Background(), texts)
	if err != nil {
		t.Fatal(err)
	}
	for _, nodes := range []int{7, 20, 90, 0} {
		e := openTiny(t, nodes)
		for range 2 { // the second time with compiled programs
			got, err := e.Encode(context.Background(), texts)
			if err != nil {
				t.Fatal(err)
			}
			for i := range alone {
				for j := range alone[i] {
					if d := math.Abs(float64(got[i][j] - alone[i][j])); !(d < 1e-5) {
						t.Fatalf("%d nodes, text %q, value %d: %g, alone %g", nodes, texts[i], j, got[i][j],
							alone[i][j])
					}
				}
			}
		}
	}
}

func TestTextTowerRefusesWhatItCannotEncode(t *testing.T) {
	e := openTiny(t, 0)
	ctx := context.Background()
	if _, err := e.Encode(ctx, []string{"fine", strings.Repeat("word ", 80)}); err == nil ||
		!strings.Contains(err.Error(), "text 1") || !strings.Contains(err.Error(), "77") {
		t.Errorf("long text: %v", err)
	}
	for want, prompt := range map[string][]int32{
		"negative": {text.SOT, -3, text.EOT}, "vocabulary of 49408": {text.SOT, text.ContextToken(0), text.EOT},
		"no end-of-text":   {},
		"more than the 77": append(make([]int32, 100), text.EOT),
	} {
		if _, err := e.EncodeTokens(ctx, [][]int32{prompt}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("prompt %.5v: error %v does not say %q", prompt, err, want)
		}
	}
	if f, err := e.Encode(ctx, nil); err != nil || len(f) != 0 {
		t.Errorf("no texts: %v, %v", f, err)
	}
	e.Close()
	if _, err := e.Encode(ctx, []string{"a"}); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("closed encoder: %v", err)
	}
}

func ExampleEncoder() {
	dir, err := os.MkdirTemp("", "clip")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "model.pt") // any CLIP checkpoint
	if err := cliptest.Write(path, cliptest.Tiny(), 1); err != nil {
		log.Fatal(err)
	}

	model, err := weights.OpenCLIP(path, weights.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	encoder, err := text.NewEncoder(model, text.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer encoder.Close()

	prompts, err := text.Prompts("a photo of a {}.", []string{"dog", "cat"})
	if err != nil {
		log.Fatal(err)
	}
	features, err := encoder.Encode(context.Background(), prompts)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(features), "texts,", len(features[0]), "values")
	// Output: 2 texts, 12 values
}

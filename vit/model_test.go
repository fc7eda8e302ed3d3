package vit_test

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"log"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/cliptest"
	"clipcalib/vit"
	"clipcalib/weights"
)

func openTiny(t *testing.T, batch int) *vit.Encoder {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tiny.pt")
	if err := cliptest.Write(path, cliptest.Tiny(), 1); err != nil {
		t.Fatal(err)
	}
	c, err := weights.OpenCLIP(path, weights.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	e, err := vit.NewEncoder(c, vit.Options{Batch: batch})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func waves(n, size int) [][]float32 {
	out := make([][]float32, n)
	for i := range out {
		out[i] = make([]float32, size)
		for j := range out[i] {
			out[i][j] = float32(math.Sin(float64((i+1)*j) / 7))
		}
	}
	return out
}

func TestFeaturesDoNotDependOnTheBatch(t *testing.T) {
	images := waves(7, 3*16*16)
	one, err := openTiny(t, 1).Encode(context.Background(), images)
	if err != nil {
		t.Fatal(err)
	}
	three, err := openTiny(t, 3).Encode(context.Background(), images)
	if err != nil {
		t.Fatal(err)
	}
	for i := range one {
		for j := range one[i] {
			if d := math.Abs(float64(one[i][j] - three[i][j])); !(d < 1e-5) {
				t.Fatalf("image %d, value %d: %g alone, %g in a batch", i, j, one[i][j], three[i][j])
			}
		}
	}
}

func TestEncodeRefusesWhatItCannotEncode(t *testing.T) {
	e := openTiny(t, 2)
	_, err := e.Encode(context.Background(), [][]float32{make([]float32, 768), make([]float32, 100)})
	if err == nil || !strings.Contains(err.Error(), "image 1 has 100 values") {
		t.Errorf("image of a wrong size: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err = e.Encode(ctx, waves(1, 768)); !errors.Is(err, context.Canceled) {
		t.Errorf("context that has ended: %v", err)
	}
	if f, err := e.Encode(context.Background(), nil); err != nil || len(f) != 0 {
		t.Errorf("no images: %v, %v", f, err)
	}
	e.Close()
	if _, err = e.Encode(context.Background(), waves(1, 768)); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("closed encoder: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestNewEncoderNamesABadOption(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tiny.pt")
	if err := cliptest.Write(path, cliptest.Tiny(), 1); err != nil {
		t.Fatal(err)
	}
	c, err := weights.OpenCLIP(path, weights.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for want, o := range map[string]vit.Options{
		"batch of -2": {Batch: -2},
	} {
		if _, err := vit.NewEncoder(c, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v does not name %s", o, err, want)
		}
	}
}

func ExampleEncoder() {
	dir, err := os.MkdirTemp("", "clip")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "model.pt") // any CLIP checkpoint with a ViT
	if err := cliptest.Write(path, cliptest.Tiny(), 1); err != nil {
		log.Fatal(err)
	}

	model, err := weights.OpenCLIP(path, weights.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	encoder, err := vit.NewEncoder(model, vit.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer encoder.Close()

	picture := image.NewNRGBA(image.Rect(0, 0, 40, 30))
	picture.Set(20, 15, color.White)
	input, err := encoder.Preprocessor().Image(picture)
	if err != nil {
		log.Fatal(err)
	}
	features, err := encoder.Encode(context.Background(), [][]float32{input})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(features), "image,", len(features[0]), "values")
	// Output: 1 image, 12 values
}

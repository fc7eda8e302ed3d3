package vit_test

import (
	"context"
	"errors"
	"fmt"
	"image"
	"log"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"clipcalib/internal/cliptest"
	"clipcalib/vit"
	"clipcalib/weights"
)

// opened is a picture of one's own for every number.
func opened(i int) (image.Image, error) {
	img := image.NewNRGBA(image.Rect(0, 0, 20+i%3, 17+i%5))
	for k := range img.Pix {
		img.Pix[k] = uint8(k*(i+3) + k/7)
		if k%4 == 3 {
			img.Pix[k] = 255
		}
	}
	return img, nil
}

// TestPicturesGiveTheFeaturesOfTheirFloats wants the features of pictures that
// travel as bytes to be, bit for bit, those of the same pictures as the tower's
// input, with batches in flight and one by one.
func TestPicturesGiveTheFeaturesOfTheirFloats(t *testing.T) {
	ctx := context.Background()
	e := openTiny(t, 3)
	pre := e.Preprocessor()
	l := vit.Loader{Preprocessor: pre, BatchSize: 3}
	var got []vit.Encoded
	for b, err := range e.EncodeBatches(ctx, l.Batches(ctx, 11, opened)) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, b)
	}
	var rows [][]float32
	var indices []int
	for _, b := range got {
		rows, indices = append(rows, b.Features...), append(indices, b.Indices...)
	}
	if len(got) != 4 || !slices.Equal(indices, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}) {
		t.Fatalf("%d batches of pictures %v", len(got), indices)
	}
	var one [][]float32
	l.BatchSize = 11
	for b, err := range l.Batches(ctx, 11, opened) {
		if err != nil {
			t.Fatal(err)
		}
		if one, err = e.EncodeBatch(ctx, b); err != nil {
			t.Fatal(err)
		}
	}
	var floats [][]float32
	for i := range 11 {
		img, _ := opened(i)
		x, err := pre.Image(img)
		if err != nil {
			t.Fatal(err)
		}
		floats = append(floats, x)
	}
	want, err := e.Encode(ctx, floats)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		for j, v := range want[i] {
			if math.Float32bits(rows[i][j]) != math.Float32bits(v) ||
				math.Float32bits(one[i][j]) != math.Float32bits(v) {
				t.Fatalf("picture %d, value %d: %g and %g from bytes, %g from floats", i, j, rows[i][j], one[i][j], v)
			}
		}
	}
}

func TestBatchesMayEndEarly(t *testing.T) {
	e := openTiny(t, 2)
	l := vit.Loader{Preprocessor: e.Preprocessor(), BatchSize: 2}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	n := 0
	for b, err := range e.EncodeBatches(ctx, l.Batches(ctx, 9, opened)) {
		if err != nil {
			t.Fatal(err)
		}
		if n += len(b.Indices); n == 4 {
			break
		}
	}
	for _, err := range e.EncodeBatches(ctx, func(func(vit.Batch, error) bool) {}) {
		t.Errorf("no batches gave one, and %v", err)
	}
	var last error
	n = 0
	for b, err := range e.EncodeBatches(ctx, l.Batches(ctx, 9, opened)) {
		n, last = n+len(b.Indices), err
		cancel()
	}
	if !errors.Is(last, context.Canceled) || n == 0 || n > 6 {
		t.Errorf("%d pictures and %v after the context ended", n, last)
	}
}

// TestGroupsComeBeforeTheErrorThatEndsThem encodes groups of different sizes,
// the last of which is no images.
func TestGroupsComeBeforeTheErrorThatEndsThem(t *testing.T) {
	ctx := context.Background()
	e := openTiny(t, 2)
	var images [][]float32
	for i := range 6 {
		img, _ := opened(i)
		x, err := e.Preprocessor().Image(img)
		if err != nil {
			t.Fatal(err)
		}
		images = append(images, x)
	}
	want, err := e.Encode(ctx, images)
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	groups := func(yield func([][]float32, error) bool) {
		_ = yield(images[:2], nil) && yield(images[2:6], nil) && yield(nil, broken)
	}
	var got [][]float32
	n := 0
	for f, err := range e.EncodeGroups(ctx, groups) {
		if err != nil {
			if !errors.Is(err, broken) || n != 2 {
				t.Fatalf("after %d groups: %v", n, err)
			}
			n = -1
			continue
		}
		n++
		got = append(got, f...)
	}
	if n != -1 || len(got) != len(want) {
		t.Fatalf("%d features, want %d and an error", len(got), len(want))
	}
	for i := range want {
		if !slices.Equal(got[i], want[i]) {
			t.Errorf("image %d: the features are not those of Encode", i)
		}
	}
}

func TestBatchesThatDoNotFitAreRefused(t *testing.T) {
	e := openTiny(t, 2)
	size := e.Preprocessor().Len()
	for name, b := range map[string]vit.Batch{
		"too short":   {Indices: []int{0}, Pixels: make([]byte, size-1)},
		"one missing": {Indices: []int{0, 1}, Pixels: make([]byte, size)},
		"other size":  {Indices: []int{0}, Pixels: make([]byte, size), Preprocessor: vit.NewPreprocessor(8)},
	} {
		if _, err := e.EncodeBatch(context.Background(), b); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if f, err := e.EncodeBatch(context.Background(), vit.Batch{}); err != nil || len(f) != 0 {
		t.Errorf("an empty batch: %v, %v", f, err)
	}
	if _, err := (vit.Batch{Pixels: make([]byte, size)}).Float32(); err == nil {
		t.Error("floats of pictures whose normalisation is not known")
	}
}

func ExampleEncoder_EncodeBatches() {
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
	encoder, err := vit.NewEncoder(model, vit.Options{Batch: 4})
	if err != nil {
		log.Fatal(err)
	}
	defer encoder.Close()

	ctx := context.Background()
	loader := vit.Loader{Preprocessor: encoder.Preprocessor(), BatchSize: encoder.Batch()}
	batches := loader.Batches(ctx, 6, opened) // with files: vit.OpenImage(paths[i])
	for b, err := range encoder.EncodeBatches(ctx, batches) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(b.Indices, len(b.Features[0]), "values each")
	}
	// Output:
	// [0 1 2 3] 12 values each
	// [4 5] 12 values each
}

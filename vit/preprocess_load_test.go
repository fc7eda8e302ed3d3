package vit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var errBad = errors.New("image 3.jpg: file is truncated")

// openPicture serves pictures of varying sizes; every index in bad fails.
func openPicture(bad ...int) func(int) (image.Image, error) {
	return func(i int) (image.Image, error) {
		if slices.Contains(bad, i) {
			return nil, errBad
		}
		return picture(20+i%7, 40-i%5, i), nil
	}
}

func TestLoaderKeepsOrderAndSkips(t *testing.T) {
	p := NewPreprocessor(16)
	var skipped []int
	l := Loader{Preprocessor: p, BatchSize: 8, Workers: 3, Skip: func(i int, err error) {
		if !errors.Is(err, errBad) {
			t.Errorf("picture %d: %v", i, err)
		}
		skipped = append(skipped, i)
	}}
	var got []int
	var sizes []int
	for b, err := range l.Batches(context.Background(), 30, openPicture(3, 17)) {
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(b.Indices))
		for k, i := range b.Indices {
			got = append(got, i)
			img, _ := openPicture()(i)
			want, err := p.Image(img)
			if err != nil {
				t.Fatal(err)
			}
			got, err := b.Float32()
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got[k*p.Len():(k+1)*p.Len()], want) {
				t.Errorf("picture %d: wrong pixels", i)
			}
		}
	}
	if !slices.Equal(sizes, []int{8, 8, 8, 4}) || !slices.IsSorted(got) || len(got) != 28 {
		t.Errorf("batches of %v, pictures %v", sizes, got)
	}
	if !slices.Equal(skipped, []int{3, 17}) {
		t.Errorf("skipped %v", skipped)
	}
}

func TestStrictLoaderStops(t *testing.T) {
	l := Loader{Preprocessor: NewPreprocessor(16), BatchSize: 2, Strict: true}
	var last error
	pictures := 0
	for b, err := range l.Batches(context.Background(), 30, openPicture(5)) {
		last = err
		pictures += len(b.Indices)
	}
	if !errors.Is(last, errBad) || pictures != 4 {
		t.Errorf("error %v after %d pictures", last, pictures)
	}
}

func TestLoaderReportsWhatStopsIt(t *testing.T) {
	done, cancel := context.WithCancel(context.Background())
	cancel()
	none := func(int) (image.Image, error) { return nil, errBad }
	tests := []struct {
		name string
		ctx  context.Context
		l    Loader
		open func(int) (image.Image, error)
		want string
	}{
		{"nothing readable", context.Background(), Loader{Preprocessor: NewPreprocessor(16), BatchSize: 4}, none,
			"none of 9 images"},
		{"canceled", done, Loader{Preprocessor: NewPreprocessor(16), BatchSize: 4}, openPicture(), "canceled"},
		{"batch size", context.Background(), Loader{Preprocessor: NewPreprocessor(16)}, openPicture(), "batch size 0"},
		{"no preprocessor", context.Background(), Loader{BatchSize: 1}, openPicture(), "input size"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var last error
			for _, err := range test.l.Batches(test.ctx, 9, test.open) {
				last = err
			}
			if last == nil || !strings.Contains(last.Error(), test.want) {
				t.Errorf("error %v, want %q in it", last, test.want)
			}
		})
	}
}

func TestLoaderTakesViews(t *testing.T) {
	p := NewPreprocessor(16)
	l := Loader{Preprocessor: p, BatchSize: 5, View: func(i int, img image.Image) (*image.NRGBA, error) {
		return p.RandomView(img, ViewRand(1, fmt.Sprint(i), 0), Bicubic)
	}}
	run := func(workers int) []byte {
		l.Workers = workers
		var all []byte
		for b, err := range l.Batches(context.Background(), 12, openPicture()) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, b.Pixels...)
		}
		return all
	}
	if !slices.Equal(run(1), run(4)) {
		t.Error("views depend on the number of workers")
	}
}

func ExampleLoader() {
	dir, err := os.MkdirTemp("", "pictures")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	var dot bytes.Buffer
	if err := png.Encode(&dot, image.NewGray(image.Rect(0, 0, 40, 30))); err != nil {
		fmt.Println(err)
		return
	}
	paths := []string{filepath.Join(dir, "a.png"), filepath.Join(dir, "broken.png"), filepath.Join(dir, "c.png")}
	for i, content := range [][]byte{dot.Bytes(), []byte("?"), dot.Bytes()} {
		if err := os.WriteFile(paths[i], content, 0o644); err != nil {
			fmt.Println(err)
			return
		}
	}
	l := Loader{
		Preprocessor: NewPreprocessor(224),
		BatchSize:    32,
		Skip:         func(i int, err error) { fmt.Println("left out:", filepath.Base(paths[i])) },
	}
	open := func(i int) (image.Image, error) { return OpenImage(paths[i]) }
	for batch, err := range l.Batches(context.Background(), len(paths), open) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(batch.Indices, len(batch.Pixels))
	}
	// Output:
	// left out: broken.png
	// [0 2] 301056
}

package features

import (
	"context"
	"errors"
	"image"
	"image/color"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipcalib/internal/clip"
	"clipcalib/internal/cliptest"
	"clipcalib/internal/data"
)

// source is a model of random weights with a bank of its own.
func source(t *testing.T) Source {
	t.Helper()
	dir := t.TempDir()
	m, err := clip.New(cliptest.Open(t, cliptest.Tiny()), clip.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return Source{Model: m, Weights: "tiny", Bank: filepath.Join(dir, "bank")}
}

// greys are pictures in memory, all different; those named bad cannot be read.
func greys(n int, bad ...int) *data.Set {
	s := &data.Set{Name: "greys", Classes: []string{"grey"}}
	for i := range n {
		s.Items = append(s.Items, data.Item{Path: string(rune('a' + i)), Load: func() (image.Image, error) {
			if slices.Contains(bad, i) {
				return nil, errors.New("no such grey")
			}
			img := image.NewGray(image.Rect(0, 0, 20, 17+i))
			for x := range 20 {
				img.SetGray(x, x%17, color.Gray{Y: uint8(10*i + x)})
			}
			return img, nil
		}})
	}
	return s
}

func TestPicturesInOrderAreThoseReadOneByOne(t *testing.T) {
	s, set := source(t), greys(5)
	p := s.Pixels(set, []int{0, 2, 3, 4}, Views{})
	read, stop := p.InOrder(context.Background())
	defer stop()
	got, want := make([]float32, 3*16*16), make([]float32, 3*16*16)
	for _, i := range []int{0, 1, 3, 2, 3} { // one of them out of turn
		if err := errors.Join(read(i, got), p.View(i, 0, want)); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("picture %d differs", i)
		}
	}
}

func TestPicturesStopWithTheirContext(t *testing.T) {
	s, set := source(t), greys(3)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	read, stop := s.Pixels(set, []int{0, 1, 2}, Views{}).InOrder(ctx)
	defer stop()
	if err := read(0, make([]float32, 3*16*16)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

func TestAPictureThatCannotBeReadIsNamed(t *testing.T) {
	s, set := source(t), greys(3, 1)
	read, stop := s.Pixels(set, []int{0, 1, 2}, Views{}).InOrder(context.Background())
	defer stop()
	dst := make([]float32, 3*16*16)
	if err := read(0, dst); err != nil {
		t.Fatal(err)
	}
	if err := read(1, dst); err == nil || !strings.Contains(err.Error(), "image b: no such grey") {
		t.Errorf("error %v", err)
	}
}

func TestAugmentedPicturesAreFunctionsOfSeedKeyAndView(t *testing.T) {
	s, set := source(t), greys(2)
	pixels := func(seed uint64, sample, view int) []float32 {
		dst := make([]float32, 3*16*16)
		if err := s.Pixels(set, []int{0, 1}, Views{Augmented: true, Seed: seed}).View(sample, view, dst); err != nil {
			t.Fatal(err)
		}
		return dst
	}
	one := pixels(1, 0, 0)
	if !slices.Equal(one, pixels(1, 0, 0)) {
		t.Error("the same view twice differs")
	}
	for _, other := range [][]float32{pixels(2, 0, 0), pixels(1, 1, 0), pixels(1, 0, 1)} {
		if slices.Equal(one, other) {
			t.Error("another view is the same")
		}
	}
}

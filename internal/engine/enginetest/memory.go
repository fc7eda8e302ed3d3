package enginetest

import (
	"slices"
	"strings"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// memory checks that values go to a device and back, and what does not fit does
// not.
func (b *bench) memory() {
	e := b.e
	if strings.TrimSpace(e.Name()) == "" {
		b.Error("the engine has no name")
	}
	x, err := e.New(tensor.Float32, 2, 3)
	if err != nil {
		b.Fatal(err)
	}
	if got := b.read(e, x); !slices.Equal(got, make([]float32, 6)) {
		b.Errorf("new memory holds %v", got)
	}
	if err := e.Upload(x, []float32{1, 2, 3, 4, 5, 6}); err != nil {
		b.Fatal(err)
	}
	if got := b.read(e, e.View(x, 2, 2)); !slices.Equal(got, []float32{1, 2, 3, 4}) {
		b.Errorf("a view holds %v", got)
	}
	e.Release(x)

	n, err := e.New(tensor.Int32, 2, 3)
	if err != nil {
		b.Fatal(err)
	}
	whole, part := make([]int32, 6), make([]int32, 4)
	if err := e.Download(whole, n); err != nil || slices.Max(whole) != 0 {
		b.Errorf("new memory holds %v, %v", whole, err)
	}
	if err := e.Upload(n, []int32{1, 2, 3, 4, -5, 6}); err != nil {
		b.Fatal(err)
	}
	if err := e.Download(part, e.View(n, 4)); err != nil || !slices.Equal(part, []int32{1, 2, 3, 4}) {
		b.Errorf("a view holds %v, %v", part, err)
	}
	words := e.View(n, 2)
	if err := e.Upload(words, []byte{1, 2, 3, 4, 0xff, 0xff, 0xff, 0xff}); err != nil {
		b.Fatal(err)
	}
	if err := e.Download(part[:2], words); err != nil || part[0] != 0x04030201 || part[1] != -1 {
		b.Errorf("bytes became words %x, %v", part[:2], err)
	}
	e.Release(n)

	b.written()

	for _, wrong := range []struct {
		dt    tensor.Dtype
		shape []int
	}{{tensor.Float64, sh(2)}, {tensor.Float32, sh(2, 0)}, {tensor.Float32, sh(-1)}} {
		if _, err := e.New(wrong.dt, wrong.shape...); err == nil {
			b.Errorf("a tensor of %v %v was made", wrong.shape, wrong.dt)
		}
	}
	if err := e.Sync(); err != nil {
		b.Error(err)
	}
}

// written checks that values may be written in place, in one part or several.
func (b *bench) written() {
	for _, n := range []int{1, 1000, 300_001} {
		x, err := b.e.New(tensor.Float32, n)
		if err != nil {
			b.Fatal(err)
		}
		err = engine.Write(b.e, x, func(to []float32, at int) error {
			for i := range to {
				to[i] = float32(at + i)
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		for i, v := range b.read(b.e, x) {
			if v != float32(i) {
				b.Fatalf("element %d of %d was written as %v", i, n, v)
			}
		}
		b.e.Release(x)
	}
	i, err := b.e.New(tensor.Int32, 2)
	if err != nil {
		b.Fatal(err)
	}
	if engine.Write(b.e, i, func([]float32, int) error { return nil }) == nil {
		b.Error("float32 values were written to int32")
	}
	b.e.Release(i)
}

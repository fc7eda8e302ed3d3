//go:build linux

package cuda

import (
	"testing"

	"clipcalib/internal/engine/cpu/parallel"

	"gorgonia.org/tensor"
)

// idle is a driver that does nothing, to time the host's part.
type idle struct {
	Driver
	next Ptr
}

type idleEvent struct{}

func (idleEvent) Set(Stream) error  { return nil }
func (idleEvent) Hold(Stream) error { return nil }
func (idleEvent) Wait() error       { return nil }
func (idleEvent) Close() error      { return nil }

func (*idle) Info() Info {
	return Info{Name: "idle", Capability: 90, Memory: 1 << 36,
		Driver: 13000}
}
func (*idle) Memory() (int64, int64, error)     { return 1 << 36, 1 << 36, nil }
func (*idle) Free(Ptr) error                    { return nil }
func (*idle) AllocPinned(n int) ([]byte, error) { return make([]byte, n), nil }
func (*idle) FreePinned([]byte) error           { return nil }
func (*idle) CopyIn(Stream, Ptr, []byte) error  { return nil }
func (*idle) Copy(Ptr, Ptr, int64) error        { return nil }
func (*idle) Fill(Ptr, uint32, int64) error     { return nil }
func (*idle) NewEvent() (Event, error)          { return idleEvent{}, nil }
func (*idle) Sync() error                       { return nil }
func (*idle) Close() error                      { return nil }
func (d *idle) Alloc(n int64) (p Ptr, err error) {
	d.next += Ptr(n+255) / 256 * 256
	return d.next, nil
}

// BenchmarkViews is the host's part in bringing the 64 views of an image to the
// device: written to pinned memory, and by way of one array of all.
func BenchmarkViews(b *testing.B) {
	const views, size = 64, 3 * 224 * 224
	e, err := New(&idle{next: 256}, Options{})
	if err != nil {
		b.Fatal(err)
	}
	x, err := e.New(tensor.Float32, views, size)
	if err != nil {
		b.Fatal(err)
	}
	images := make([][]float32, views)
	for i := range images {
		images[i] = make([]float32, size)
	}
	gather := func(to []float32, at int) error {
		parallel.For(8, len(to)/size, 2, func(_, lo, hi int) {
			for i := lo; i < hi; i++ {
				copy(to[i*size:], images[at/size+i])
			}
		})
		return nil
	}
	b.Run("written in place", func(b *testing.B) {
		b.SetBytes(4 * views * size)
		b.ReportAllocs()
		for b.Loop() {
			if err := e.Write(x, gather); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("by way of an array", func(b *testing.B) {
		b.SetBytes(4 * views * size)
		b.ReportAllocs()
		for b.Loop() {
			flat := make([]float32, views*size)
			if err := first(gather(flat, 0), e.Upload(x, flat)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

//go:build linux

package cuda

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"gorgonia.org/tensor"
)

// TestUploadsMayChangeAtOnce overwrites what was uploaded while the copies are
// still queued, in every order in which the two streams may run, with room for
// the lanes on the device and without. Sizes are of the ring, of a lane, and
// beyond both.
func TestUploadsMayChangeAtOnce(t *testing.T) {
	for _, eager := range []bool{false, true} {
		for _, memory := range []int64{0, 56 << 20} {
			t.Run(fmt.Sprint(eager, memory), func(t *testing.T) {
				e, f := open(t, Options{Memory: memory})
				f.eager = eager
				e.staging.lanes.most = 16 << 20
				sizes := []int{100, segmentBytes / 4, segmentBytes/4 + 1, 1 << 20, 100, 600_000, 2<<20 + 777,
					4<<20 + 333}
				data := make([]float32, sizes[len(sizes)-1])
				check := func(k int, x *tensor.Dense) {
					t.Helper()
					got := make([]float32, sizes[k])
					if err := e.Download(got, x); err != nil {
						t.Fatal(err)
					}
					for i, v := range got {
						if v != float32(k+i%1000) {
							t.Fatalf("tensor %d, element %d is %v", k, i, v)
						}
					}
				}
				var tensors []*tensor.Dense
				for k, n := range sizes {
					if n > 1<<20 { // memory that earlier work still uses
						y := mustNew(t, e, n)
						if err := first(e.Fill(y, 3), e.Axpby(y, 2, y, 0, nil)); err != nil {
							t.Fatal(err)
						}
						e.Release(y)
					}
					x := mustNew(t, e, n)
					for i := range n {
						data[i] = float32(k + i%1000)
					}
					if err := e.Upload(x, data[:n]); err != nil {
						t.Fatal(err)
					}
					clear(data)
					tensors = append(tensors, x)
				}
				for k, x := range tensors {
					check(k, x)
				}
			})
		}
	}
}

// TestSmallUploadsSeldomWait uploads as training steps do: the host must not
// wait for the device at each of them.
func TestSmallUploadsSeldomWait(t *testing.T) {
	e, f := open(t, Options{})
	x := mustNew(t, e, 1000)
	data := make([]float32, 1000)
	before := f.waits
	const n = 10_000 // of 4,000 bytes each, five rings in all
	for i := range n {
		data[0] = float32(i)
		if err := e.Upload(x, data); err != nil {
			t.Fatal(err)
		}
	}
	if waits := f.waits - before; waits > 40 {
		t.Errorf("the host waited %d times", waits)
	}
	if err := e.Download(data, x); err != nil || data[0] != n-1 {
		t.Error(data[0], err)
	}
}

// TestLanesGiveWayToPrograms wants memory that lanes hold on the device to be
// counted as free, and to be free.
func TestLanesGiveWayToPrograms(t *testing.T) {
	e, _ := open(t, Options{Memory: 32 << 20})
	x := mustNew(t, e, 2<<20)
	for range 2 {
		if err := e.Upload(x, make([]float32, 2<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if e.staging.lanes.size() != 16<<20 {
		t.Fatalf("lanes hold %d bytes", e.staging.lanes.size())
	}
	if err := e.Reserve(20 << 20); err != nil {
		t.Fatal(err)
	}
	y := mustNew(t, e, 5<<20)
	if err := first(e.Upload(x, make([]float32, 2<<20)), e.Fill(y, 1), e.Sync()); err != nil {
		t.Error(err)
	}
}

// TestFetchWaitsForNothingLater reads results while later work, which overwrites
// them, is queued.
func TestFetchWaitsForNothingLater(t *testing.T) {
	e, f := open(t, Options{})
	x, idx := mustNew(t, e, 1000), []int32{1, 2, 99}
	var waits []func([]float32) error
	for i := range 3 {
		wait, err := e.Fetch(x)
		if err := first(err, e.Fill(x, float32(i+1))); err != nil {
			t.Fatal(err)
		}
		waits = append(waits, wait)
	}
	got := make([]float32, 1000)
	for i, wait := range waits {
		if err := wait(got); err != nil || got[0] != float32(i) || got[999] != float32(i) {
			t.Errorf("fetch %d: %v, %v", i, got[0], err)
		}
		if len(f.queues[Main]) == 0 {
			t.Errorf("fetch %d waited for all that was queued", i)
		}
	}
	wait, err := e.Fetch(x)
	if err != nil || len(e.fetched) != 3 {
		t.Error("pinned memory is not used again", err)
	}
	if err := wait(got[:10]); err == nil {
		t.Error("too few values accepted")
	}
	// A fault of the work before is reported.
	i, err := e.New(tensor.Int32, 3)
	if err := first(err, e.Upload(i, idx), e.Gather(e.View(x, 3, 10), e.View(x, 10, 10), i)); err != nil {
		t.Fatal(err)
	}
	if wait, err = e.Fetch(x); err != nil {
		t.Fatal(err)
	}
	if err := wait(got); err == nil || !strings.Contains(err.Error(), "index 99") {
		t.Errorf("fault %v", err)
	}
	if err := e.Sync(); err != nil {
		t.Error("reported twice:", err)
	}
	if _, err := e.Fetch(i); err == nil {
		t.Error("a fetch of integers accepted")
	}
}

// TestValuesAreWrittenInPlace wants Write to hand out pinned memory, by the ring
// and by both lanes, and what was written to arrive, whatever order the streams
// run in.
func TestValuesAreWrittenInPlace(t *testing.T) {
	for _, eager := range []bool{false, true} {
		e, f := open(t, Options{})
		f.eager = eager
		e.staging.lanes.most = 1 << 20
		for _, n := range []int{1, 1000, segmentBytes / 4, segmentBytes/4 + 1, 1<<20 + 777} {
			x := mustNew(t, e, n)
			next := 0
			err := e.Write(x, func(to []float32, at int) error {
				if at != next {
					t.Errorf("part at %d, want %d", at, next)
				}
				next += len(to)
				if !f.isPinned(&to[0]) {
					t.Errorf("part at %d of %d is not in pinned memory", at, n)
				}
				for i := range to {
					to[i] = float32((at + i) % 1000)
				}
				return nil
			})
			if err != nil || next != n {
				t.Fatal(next, err)
			}
			got := make([]float32, n)
			if err := e.Download(got, x); err != nil {
				t.Fatal(err)
			}
			for i, v := range got {
				if v != float32(i%1000) {
					t.Fatalf("element %d of %d is %v", i, n, v)
				}
			}
		}
		broken := errors.New("broken")
		x := mustNew(t, e, 2<<20)
		if err := e.Write(x, func([]float32, int) error { return broken }); !errors.Is(err, broken) {
			t.Error(err)
		}
	}
}

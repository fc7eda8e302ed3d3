package device

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/ref"
)

func TestOneCallAtATime(t *testing.T) {
	d := Share(ref.New())
	var running, most, done atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				err := Do(t.Context(), d, func(engine.Engine) error {
					most.Store(max(most.Load(), running.Add(1)))
					running.Add(-1)
					return nil
				})
				if err != nil {
					t.Error(err)
				}
				Later(d, func() {
					if running.Load() != 0 {
						t.Error("what was left for later ran while the device was held")
					}
					done.Add(1)
				})
			}
		})
	}
	wg.Wait()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if most.Load() != 1 || done.Load() != 400 {
		t.Errorf("%d at a time, %d of 400 left for later were done", most.Load(), done.Load())
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	d := Share(ref.New())
	defer d.Close()
	release, err := Hold(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer stop()
	begun := time.Now()
	_, err = Hold(ctx, d)
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) > time.Second {
		t.Errorf("after %v: %v", time.Since(begun), err)
	}
	left := false
	Later(d, func() { left = true })
	if left {
		t.Error("what was left for later did not wait for the holder")
	}
	release()
	if !left {
		t.Error("what was left for later was not done with the release")
	}
	if _, err := Hold(ctx, d); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a free device for a context that has ended: %v", err)
	}
}

func TestClosedDeviceRefuses(t *testing.T) {
	d, err := Open(Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := Do(t.Context(), d, func(engine.Engine) error { return nil }); err == nil ||
		!strings.Contains(err.Error(), "closed") {
		t.Errorf("work on a closed device: %v", err)
	}
	Later(d, func() { t.Error("a closed device has nothing to give back") })
}

func TestKinds(t *testing.T) {
	for s, want := range map[string]struct {
		kind  string
		index int
	}{"": {"cpu", 0}, "CPU-Go": {"cpu", 0}, "cuda": {"cuda", 0}, "cuda:3": {"cuda", 3}} {
		if kind, index, err := parseKind(s); kind != want.kind || index != want.index || err != nil {
			t.Errorf("%q: %s %d %v", s, kind, index, err)
		}
	}
	for _, s := range []string{"cpu:1", "cuda:", "cuda:x", "cuda:-1"} {
		if _, _, err := parseKind(s); err == nil || !strings.Contains(err.Error(), s) {
			t.Errorf("%q: error %v", s, err)
		}
	}
}

func TestDeviceSaysWhatItIs(t *testing.T) {
	d, err := Open(Options{Kind: "cpu-go", Threads: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if d.Kind() != "cpu" || d.Threads() != 3 || d.Precision() != "fp32" || d.Memory() != 0 || d.String() != d.Name() {
		t.Errorf("%s: kind %s, %d threads, %s, bound %d", d, d.Kind(), d.Threads(), d.Precision(), d.Memory())
	}
}

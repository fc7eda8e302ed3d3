package imageio

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

func TestOrderedKeepsOrderAndErrors(t *testing.T) {
	odd := errors.New("odd")
	work := func(i int) (int, error) {
		time.Sleep(time.Duration(i*37%11) * 100 * time.Microsecond)
		if i%2 == 1 {
			return 0, odd
		}
		return i * i, nil
	}
	for _, workers := range []int{0, 1, 3, 200} {
		i := 0
		for v, err := range Ordered(context.Background(), 100, workers, 7, work) {
			if i%2 == 1 && err != odd || i%2 == 0 && (err != nil || v != i*i) {
				t.Fatalf("workers %d: result %d is %d, %v", workers, i, v, err)
			}
			i++
		}
		if i != 100 {
			t.Errorf("workers %d: %d results", workers, i)
		}
	}
	for range Ordered(context.Background(), 0, 4, 4, work) {
		t.Error("a result of nothing")
	}
}

func TestOrderedStopsEarly(t *testing.T) {
	before := runtime.NumGoroutine()
	var calls atomic.Int32
	work := func(i int) (int, error) { calls.Add(1); return i, nil }
	for v := range Ordered(context.Background(), 1_000_000, 4, 8, work) {
		if v == 5 {
			break
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	last := error(nil)
	for v, err := range Ordered(ctx, 1_000_000, 4, 8, work) {
		if v == 5 {
			cancel()
		}
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("last error %v, want canceled", last)
	}
	if n := calls.Load(); n > 100 {
		t.Errorf("%d calls after stopping at 5", n)
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

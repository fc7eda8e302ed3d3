package lanes

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"clipcalib/internal/clip"
	"clipcalib/internal/cliptest"
	"clipcalib/internal/device"
	"clipcalib/internal/engine"
	"clipcalib/internal/engine/ref"
)

func open(t *testing.T, threads, n int) *Set {
	t.Helper()
	d, err := device.Open(device.Options{Threads: threads})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(d, n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), d.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// jobsOf are jobs of what they have in common, "" for nothing.
func jobsOf(after []string, do func(i int, l *Lane) error) func(yield func(Job) bool) {
	return func(yield func(Job) bool) {
		for i, a := range after {
			if !yield(Job{After: a, Do: func(_ context.Context, l *Lane) error { return do(i, l) }}) {
				return
			}
		}
	}
}

func TestJobsRunSideBySide(t *testing.T) {
	const n = 3
	s := open(t, n, n)
	var all sync.WaitGroup // ends only if all three run at once
	all.Add(n)
	lanes := make([]*Lane, n)
	err := s.Each(t.Context(), jobsOf(make([]string, n), func(i int, l *Lane) error {
		lanes[i] = l
		all.Done()
		all.Wait()
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	if lanes[0] == lanes[1] || lanes[1] == lanes[2] || lanes[0] == lanes[2] {
		t.Error("two jobs in one lane at once")
	}
}

// TestJobsWithSomethingInCommonKeepTheirOrder also holds that every job runs once,
// and no lane does two at once.
func TestJobsWithSomethingInCommonKeepTheirOrder(t *testing.T) {
	var after []string
	for i := range 60 {
		after = append(after, []string{"a", "", "b", "a", "c"}[i%5])
	}
	for lanes := 1; lanes <= 4; lanes++ {
		s := open(t, 4, lanes)
		var mu sync.Mutex
		order, busy, running := map[string][]int{}, map[*Lane]bool{}, map[string]bool{}
		err := s.Each(t.Context(), jobsOf(after, func(i int, l *Lane) error {
			mu.Lock()
			if busy[l] || after[i] != "" && running[after[i]] {
				t.Errorf("job %d: its lane is taken, or what it comes after still runs", i)
			}
			order[after[i]] = append(order[after[i]], i)
			busy[l], running[after[i]] = true, true
			mu.Unlock()
			time.Sleep(time.Duration(i%3) * 100 * time.Microsecond)
			mu.Lock()
			busy[l], running[after[i]] = false, false
			mu.Unlock()
			return nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		done := 0
		for a, of := range order {
			if done += len(of); a != "" && !slices.IsSorted(of) {
				t.Errorf("%d lanes: jobs %s in the order %v", lanes, a, of)
			}
		}
		if done != len(after) {
			t.Errorf("%d lanes: %d of %d jobs done", lanes, done, len(after))
		}
	}
}

func TestTheFirstErrorEndsTheJobs(t *testing.T) {
	bad := errors.New("bad")
	for lanes := 1; lanes <= 3; lanes++ {
		s := open(t, 3, lanes)
		var done atomic.Int32
		err := s.Each(t.Context(), jobsOf(make([]string, 100), func(i int, l *Lane) error {
			done.Add(1)
			switch {
			case i == 4:
				return bad
			case i == 5:
				panic("worse")
			}
			return nil
		}))
		if lanes == 1 && err != bad || err == nil || done.Load() > 20 {
			t.Errorf("%d lanes: %v after %d jobs", lanes, err, done.Load())
		}
	}
	s := open(t, 2, 2)
	err := s.Each(t.Context(), jobsOf([]string{""}, func(int, *Lane) error { panic("lost") }))
	if err == nil || !strings.Contains(err.Error(), "lost") {
		t.Errorf("a panic: %v", err)
	}
}

func TestJobsEndWithTheirContext(t *testing.T) {
	for lanes := 1; lanes <= 2; lanes++ {
		s := open(t, 2, lanes)
		ctx, cancel := context.WithCancel(t.Context())
		var begun atomic.Int32
		err := s.Each(ctx, func(yield func(Job) bool) {
			for yield(Job{After: "x", Do: func(ctx context.Context, _ *Lane) error {
				if begun.Add(1) == 3 {
					cancel()
				}
				return ctx.Err()
			}}) {
			}
		})
		if !errors.Is(err, context.Canceled) || begun.Load() != 3 {
			t.Errorf("%d lanes: %v after %d jobs", lanes, err, begun.Load())
		}
	}
}

// TestLanesGiveTheSameBytes encodes on several views of a model at once.
func TestLanesGiveTheSameBytes(t *testing.T) {
	for _, precision := range []string{"fp32", "bf16"} {
		d, err := device.Open(device.Options{Threads: 3, Precision: precision})
		if err != nil {
			t.Fatal(err)
		}
		m, err := clip.New(cliptest.Open(t, cliptest.Tiny()), clip.Options{Device: d})
		if err != nil {
			t.Fatal(err)
		}
		texts := []string{"a photo of a cat", "a photo of a dog", "a drawing"}
		want, err := m.Texts.Encode(t.Context(), texts)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Open(d, 3)
		if err != nil {
			t.Fatal(err)
		}
		got := make([][][]float32, 12)
		err = s.Each(t.Context(), jobsOf(make([]string, len(got)), func(i int, l *Lane) error {
			beside, err := l.Model(m)
			if err != nil {
				return err
			}
			if l.Device.Name() != d.Name() || beside.Device != l.Device {
				return fmt.Errorf("%s is another device than %s", beside.Device, d)
			}
			got[i], err = beside.Texts.Encode(context.Background(), texts)
			return err
		}))
		if err != nil {
			t.Fatal(err)
		}
		for i, g := range got {
			for j := range texts {
				if !slices.Equal(g[j], want[j]) {
					t.Errorf("%s: job %d gives other features of text %d", precision, i, j)
				}
			}
		}
		if err := errors.Join(s.Close(), m.Close(), d.Close()); err != nil {
			t.Error(err)
		}
	}
}

// onGPU is an engine beside which there is no other.
type onGPU struct{ engine.Engine }

func TestNumberOfLanes(t *testing.T) {
	cpu, err := device.Open(device.Options{Threads: 6})
	if err != nil {
		t.Fatal(err)
	}
	defer cpu.Close()
	gpu := device.Share(onGPU{ref.New()})
	small, large := cliptest.Tiny(), cliptest.Tiny()
	large.Text.Width = 1024 // of 49,408 words
	for name, c := range map[string]struct {
		asked int
		on    *device.Device
		w     Work
		want  int
	}{
		"adapters":        {0, cpu, Work{Jobs: 40}, 6},
		"few adapters":    {0, cpu, Work{Jobs: 2}, 2},
		"small towers":    {0, cpu, Work{Towers: &small}, 6},
		"large towers":    {0, cpu, Work{Towers: &large}, 1},
		"large, as asked": {2, cpu, Work{Towers: &large}, 2},
		"as asked":        {3, cpu, Work{Jobs: 40}, 3},
		"more than jobs":  {5, cpu, Work{Jobs: 2}, 2},
		"more than cores": {9, cpu, Work{Jobs: 40}, 6},
		"a GPU":           {0, gpu, Work{Jobs: 40}, 1},
		"a GPU, one":      {1, gpu, Work{Jobs: 40}, 1},
		"a GPU, two":      {2, gpu, Work{Jobs: 40}, 0},
		"negative":        {-1, cpu, Work{Jobs: 40}, 0},
	} {
		n, err := Number(c.asked, c.on, c.w)
		if n != c.want || (err != nil) != (c.want == 0) {
			t.Errorf("%s: %d lanes, %v; want %d", name, n, err, c.want)
		}
	}
	if s, err := Open(gpu, 2); err == nil {
		t.Errorf("%d lanes on a GPU", s.Len())
	}
}

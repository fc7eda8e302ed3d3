package train

import (
	"slices"
	"testing"
)

func TestAnEpochVisitsRowsAtMostOnce(t *testing.T) {
	for name, s := range map[string]sampler{
		"one view":       {samples: 50, views: 1, batch: 16, steps: 3, seed: 1},
		"textbook views": {samples: 50, views: 4, batch: 16, steps: 3, seed: 1},
		"pool of views":  {samples: 50, views: 4, batch: 16, steps: 3, seed: 1, pool: true},
	} {
		t.Run(name, func(t *testing.T) {
			seen := map[int]bool{}
			views := map[int]bool{}
			for e := range 20 {
				rows := s.epoch(e)
				if len(rows) != 48 {
					t.Fatalf("%d rows, want 48", len(rows))
				}
				used := map[int]bool{}
				for _, r := range rows {
					id := r
					if !s.pool {
						id = r % s.samples
					}
					if r < 0 || r >= s.samples*s.views || used[id] {
						t.Fatalf("epoch %d: row %d is out of place", e, r)
					}
					used[id] = true
					seen[r] = true
					views[r/s.samples] = true
				}
			}
			if len(views) != s.views || len(seen) < s.samples*s.views*9/10 {
				t.Errorf("20 epochs saw %d rows in %d views", len(seen), len(views))
			}
		})
	}
}

func TestOneFullBatchDoesNotDependOnTheSeed(t *testing.T) {
	for seed := range uint64(3) {
		s := newSampler(30, 1, Options{Batch: 256, Seed: seed})
		rows := s.epoch(int(seed))
		if s.batch != 30 || s.steps != 1 || !slices.IsSorted(rows) {
			t.Errorf("seed %d: batch %d, %d steps, rows %v", seed, s.batch, s.steps, rows)
		}
	}
}

// TestBatchesOfTheReference: 16 shots of ImageNet in 20 views are 62 batches
// of 256; fewer samples than a batch are one batch of views.
func TestBatchesOfTheReference(t *testing.T) {
	for _, c := range []struct{ samples, views, batch, steps int }{
		{16000, 20, 256, 62},
		{100, 20, 256, 1},
		{10, 20, 200, 1},
		{300, 1, 256, 1},
	} {
		s := newSampler(c.samples, c.views, Options{Batch: 256, Pool: true})
		if s.batch != c.batch || s.steps != c.steps {
			t.Errorf("%d samples in %d views: %d steps of %d, want %d of %d", c.samples, c.views, s.steps, s.batch,
				c.steps, c.batch)
		}
	}
}

func TestGeneratorIsUniform(t *testing.T) {
	g := NewGenerator(7, 7)
	count := make([]int, 6)
	sum, square := 0.0, 0.0
	const n = 60000
	for range n {
		count[g.Below(6)]++
		v := g.Normal()
		sum += v
		square += v * v
	}
	for i, c := range count {
		if c < n/6-400 || c > n/6+400 {
			t.Errorf("%d came %d times of %d", i, c, n)
		}
	}
	if m := sum / n; m < -0.02 || m > 0.02 {
		t.Errorf("mean of normal numbers %g", m)
	}
	if v := square / n; v < 0.97 || v > 1.03 {
		t.Errorf("variance of normal numbers %g", v)
	}
}

package calib

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestBinsAreOpenBelowAndClosedAbove(t *testing.T) {
	for bins := 1; bins <= 100; bins++ {
		for m := range bins {
			upper := edge(m+1, bins)
			if got := binOf(upper, bins); got != m {
				t.Fatalf("%d bins: upper edge %v in bin %d, want %d", bins, upper, got, m)
			}
			if m+1 < bins {
				if got := binOf(math.Nextafter(upper, 2), bins); got != m+1 {
					t.Fatalf("%d bins: just above %v in bin %d, want %d", bins, upper, got, m+1)
				}
			}
		}
	}
}

// The two rules of the reference, as written there, away from the edges.
func TestBothRulesOfTheReferenceAgree(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		c, bins := rng.Float64(), 1+rng.IntN(30)
		byCeil := int(math.Ceil(float64(bins)*c - 1))
		byEdges := -1
		for m := range bins {
			if c > edge(m, bins) && c <= edge(m+1, bins) {
				byEdges = m
			}
		}
		if got := binOf(c, bins); got != byCeil || got != byEdges {
			t.Fatalf("binOf(%v, %d) = %d, by ceil %d, by edges %d", c, bins, got, byCeil, byEdges)
		}
	}
}

func TestBinOfValuesOutsideTheUnitInterval(t *testing.T) {
	for c, want := range map[float64]int{0: -1, -1: -1, math.NaN(): -1, 1: 9, 1.5: 9, math.Inf(1): 9} {
		if got := binOf(c, 10); got != want && !(math.IsNaN(c) && got == -1) {
			t.Errorf("binOf(%v) = %d, want %d", c, got, want)
		}
	}
}

func TestUniformPredictionsShareOneBin(t *testing.T) {
	for k := 1; k <= 60; k++ {
		m := NewMatrix(3, k)
		p, err := Predict(m, []int{0, 0, k - 1})
		if err != nil {
			t.Fatal(err)
		}
		filled := 0
		for _, b := range p.Reliability(k).Bins {
			if b.Count > 0 {
				filled++
				if b.Lower != 0 || b.Count != 3 {
					t.Errorf("%d classes: %+v", k, b)
				}
			}
		}
		if filled != 1 {
			t.Errorf("%d classes: %d bins filled", k, filled)
		}
	}
}

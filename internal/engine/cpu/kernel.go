package cpu

import (
	"time"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/cpu/bgemm"
	"clipcalib/internal/engine/cpu/parallel"
	"clipcalib/internal/engine/cpu/sgemm"
)

var _ engine.OnProcessor = (*Engine)(nil)

const (
	peakRounds = 1 << 10                // of the first try
	peakTime   = 3 * time.Millisecond   // of a try, beside which starting a thread is nothing
	peakTries  = 10                     // of that length
	peakBudget = 100 * time.Millisecond // of all, where a try takes longer, as under an emulator
)

// Kernel says what multiplies by frozen weights in the engine's precision, and
// what it reaches at most.
func (e *Engine) Kernel() engine.Kernel {
	k, peak := engine.Kernel{Name: sgemm.Kernel(), Native: true}, sgemm.Peak
	if e.bf16 {
		k.Name, k.Native = bgemm.Kernel(), bgemm.Native()
		if k.Native {
			peak = bgemm.Peak
		}
	}
	k.PeakGFLOPS = peakRate(e.threads(), peak)
	return k
}

// peakRate is the best rate of tries of peak on all threads, in 1e9 operations a
// second; 0 where there is nothing to measure.
func peakRate(threads int, peak func(rounds int) (flop float64)) (best float64) {
	flop := make([]float64, threads)
	begun, rounds := time.Now(), peakRounds
	for tries := 0; tries < peakTries; {
		start := time.Now()
		parallel.For(threads, threads, 1, func(part, _, _ int) { flop[part] = peak(rounds) })
		took, work := time.Since(start), total(flop)
		if work == 0 {
			return 0
		}
		best = max(best, work/max(took.Seconds(), 1e-9)/1e9)
		if took < peakTime {
			rounds *= 2
			continue
		}
		if tries++; time.Since(begun) > peakBudget {
			break
		}
	}
	return best
}

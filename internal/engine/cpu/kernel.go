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
	peakRounds = 1 << 19 // some milliseconds, beside which starting a thread is nothing
	peakTries  = 10
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
	for range peakTries {
		threads := e.threads()
		flop := make([]float64, threads)
		begun := time.Now()
		parallel.For(threads, threads, 1, func(part, _, _ int) { flop[part] = peak(peakRounds) })
		k.PeakGFLOPS = max(k.PeakGFLOPS, total(flop)/time.Since(begun).Seconds()/1e9)
	}
	return k
}

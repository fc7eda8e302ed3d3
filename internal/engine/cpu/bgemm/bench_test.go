//go:build unix

package bgemm

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"

	"clipcalib/internal/engine"
)

// processorTime returns the seconds of processor time this process has used,
// which other work on the machine hardly changes.
func processorTime() float64 {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9
}

func BenchmarkMultiply(b *testing.B) {
	for _, s := range [][3]int{{1576, 768, 768}, {1576, 3072, 768}, {1576, 768, 3072}, {4008, 2048, 512}} {
		m, n, k := s[0], s[1], s[2]
		r := rand.New(rand.NewPCG(9, 10))
		w, a := Pack(1, random(r, k*n), k, n, true), narrowed(random(r, m*k))
		out := make([]uint16, m*n)
		for _, act := range []engine.Act{engine.Identity, engine.QuickGELU, engine.GELU} {
			b.Run(fmt.Sprintf("%dx%dx%d/act%d", m, n, k, act), func(b *testing.B) {
				start := processorTime()
				for b.Loop() {
					w.Multiply(1, Matrix{BF16: out, Stride: n}, Matrix{BF16: a, Stride: k}, m, Epilogue{Alpha: 1,
						Act: act})
				}
				b.ReportMetric(2*float64(m)*float64(n)*float64(k)*float64(b.N)/(processorTime()-start)/1e9,
					"GFLOP/cpu-s")
			})
		}
	}
}

func BenchmarkPeak(b *testing.B) {
	for _, k := range kernels {
		b.Run(k.name, func(b *testing.B) {
			var flop float64
			start := processorTime()
			for b.Loop() {
				flop += k.peak(1 << 16)
			}
			b.ReportMetric(flop/(processorTime()-start)/1e9, "GFLOP/cpu-s")
		})
	}
}

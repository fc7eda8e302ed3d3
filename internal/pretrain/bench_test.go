package pretrain

import (
	"context"
	"os"
	"testing"

	"clipcalib/internal/device"
)

// BenchmarkStep takes steps of the default recipe in the precision that
// CLIPCALIB_PRECISION names, fp32 if none; threads are those of -cpu.
//
//	for p in fp32 bf16; do CLIPCALIB_PRECISION=$p go test -run '^$' -bench Step -cpu 1 ./internal/pretrain; done
func BenchmarkStep(b *testing.B) {
	d, err := device.Open(device.Options{Kind: "cpu", Precision: os.Getenv("CLIPCALIB_PRECISION")})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	r := DefaultRecipe()
	r.Coloured = 1
	r.Steps = b.N + 2
	r.Warmup = 1
	t, err := New(device.Engine(d), squares{r.ImageSize, r.Batch * 4}, r)
	if err != nil {
		b.Fatal(err)
	}
	defer t.Close()
	work := 0.0
	err = t.Run(context.Background(), func(p Point) error {
		if p.Step == 2 { // compiled, and once run
			b.ResetTimer()
			work = 0
		}
		work += r.FLOPs(p.Nodes)
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(work/1e9/b.Elapsed().Seconds(), "GFLOP/s")
}

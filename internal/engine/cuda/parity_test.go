//go:build linux

package cuda

import (
	"strings"
	"testing"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/enginetest"
)

// open returns an engine on the fake device, closed at the test's end, when
// nothing may be left on the device.
func open(t testing.TB, o Options) (*Engine, *fake) {
	f := newFake(t)
	e, err := New(f, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		if len(f.blocks) != 0 {
			t.Errorf("%d blocks of device memory are left", len(f.blocks))
		}
	})
	return e, f
}

// TestConformance runs every kernel on the processor, in every precision.
func TestConformance(t *testing.T) {
	for _, p := range []Precision{FP32, TF32, BF16, FP16} {
		t.Run(p.String(), func(t *testing.T) {
			enginetest.Run(t, func(t *testing.T) engine.Engine {
				e, _ := open(t, Options{Precision: p})
				return e
			}, enginetest.Options{Slow: true})
		})
	}
}

// TestProductWithoutBias takes the way round a library that adds no bias, which
// is noted.
func TestProductWithoutBias(t *testing.T) {
	e, f := open(t, Options{})
	f.noBias = true
	enginetest.RunPart(t, "Gemm", func(*testing.T) engine.Engine { return e }, enginetest.Options{Slow: true})
	if got := e.FastPath(); len(got.BiasPasses) == 0 || len(got.BiasPasses) > mostReasons ||
		len(got.Slow()) != len(got.BiasPasses) {
		t.Errorf("%d bias passes are noted: %v", len(got.BiasPasses), got.Slow())
	}
}

// TestRecordingsAreCounted notes why work was not recorded.
func TestRecordingsAreCounted(t *testing.T) {
	e, _ := open(t, Options{})
	x := mustNew(t, e, 64)
	r, err := e.Record(func() error { return e.Fill(x, 1) })
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for range 2 {
		if _, err := e.Record(func() error { return e.Upload(x, make([]float32, 64)) }); err == nil {
			t.Fatal("an upload was recorded")
		}
	}
	f := e.FastPath()
	if f.Recorded != 1 || len(f.NotRecorded) != 1 || f.NotRecorded[0] != errRecording.Error() || len(f.Slow()) != 1 {
		t.Errorf("%+v", f)
	}
}

// TestTableOfAlgorithms reads tables, the program's own among them.
func TestTableOfAlgorithms(t *testing.T) {
	if _, err := LoadAlgorithms(); err != nil {
		t.Error(err)
	}
	p := Product{M: 3072, N: 50432, K: 768, LDA: 768, LDB: 768, LDC: 3072, TransA: true, Kind: BFloat, Result: BFloat,
		Bias: 1}
	line := p.Shape(90) + " 67/18/35/1/0/0/0/0/2"
	mlp := mlpShape(90, BF16, 768, 3072)
	table, err := parseAlgorithms("t", strings.NewReader("# x\n\n"+line+"\n"+line+"\n"+mlp+" 4096\n"))
	if err != nil || table[p.Shape(90)] != "67/18/35/1/0/0/0/0/2" || table[mlp] != "4096" {
		t.Error(table, err)
	}
	for _, bad := range []string{"x", p.Shape(90), p.Shape(90) + " 1/2", line + "0 1", line + "\n" + line + "7",
		mlp, mlp + " 0", mlp + " -1", mlp + " 1/0/0/0/0/0/0/0/0", mlp + " 9999999999", p.Shape(90) + " 4096",
		mlp + " 4\n" + mlp + " 5"} {
		if _, err := parseAlgorithms("t", strings.NewReader(bad)); err == nil || !strings.HasPrefix(err.Error(), "t:") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

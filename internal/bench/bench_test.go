package bench

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"clipcalib/internal/device"
	"clipcalib/internal/engine"
	"clipcalib/internal/engine/cpu"
	"clipcalib/weights"

	"gorgonia.org/tensor"
)

// TestMeasureTiny measures every part and wants rates that fit one another.
func TestMeasureTiny(t *testing.T) {
	r, err := Measure(t.Context(), Options{Device: device.Options{Kind: "cpu", Threads: 1}, Models: []string{"tiny"},
		Batches: []int{2}, Prompts: 20, Classes: 10, Steps: 1, Budget: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Runs) != 1 || r.Card != nil || r.Runs[0].Precision != "fp32" || r.Schema != Schema || r.Host.Cores < 1 ||
		r.Settings.Classes != 10 || r.Settings.Window != Window || len(r.Runs[0].Peaks) < 2 ||
		len(r.Runs[0].Bandwidths) != len(r.Runs[0].Peaks) {
		t.Fatalf("%+v", r)
	}
	if j := r.Settings.JPEGs; j == nil || j.MeanBytes < 50_000 || j.MeanBytes > 200_000 {
		t.Errorf("JPEG files: %+v", j)
	}
	units := map[string]int{}
	for _, f := range r.Runs[0].Figures {
		units[f.Unit]++
		if !(f.Rate > 0 && f.Seconds > 0 && f.Runs > 0 && f.Spread >= 1) {
			t.Errorf("%+v", f)
		}
		// How large is of no use to know: other programs take their share, too.
		for name, share := range map[string]float64{"peak": f.Share, "bandwidth": f.BandwidthShare,
			"roofline": f.RooflineShare} {
			if over := slices.Contains(f.Over, name); over != (share == 0) || share < 0 || share > 1 {
				t.Errorf("%s: a share of %g of the %s, over: %v", f.What, share, name, over)
			}
		}
	}
	if units["images/s"] != 6 || units["prompts/s"] != 1 || units["steps/s"] != 2 || units["trainings/s"] != 1 {
		t.Error(units)
	}
}

// TestMeasureBothTowers measures what trains through both towers, which is not
// among the defaults, and wants a ResNet to be left out and named.
func TestMeasureBothTowers(t *testing.T) {
	if slices.Contains(Default, MaPLe) || slices.Contains(Default, Pretrain) || len(Default) != len(Parts)-2 {
		t.Errorf("by default: %q", Default)
	}
	r, err := Measure(t.Context(), Options{Device: device.Options{Kind: "cpu", Threads: 1}, Models: []string{"tiny"},
		Parts: []string{MaPLe, Pretrain}, Classes: 10, Budget: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"MaPLe step, depth 2, 10 classes", "pretraining step"}
	for i, f := range r.Runs[0].Figures {
		if i >= len(want) || f.What != want[i] || f.Unit != "steps/s" || !(f.Rate > 0 && f.GFLOPS > 0 && f.GBS > 0) {
			t.Errorf("%+v", f)
		}
	}
	if len(r.Runs[0].Figures) != len(want) {
		t.Errorf("%d figures", len(r.Runs[0].Figures))
	}
	resNet := weights.Checkpoint{Config: configs["RN50"]}
	var said []string
	m := meter{Options: Options{Note: func(s string) { said = append(said, s) }}}
	if err := errors.Join(m.maPLe("RN50", &resNet), m.pretrain("RN50", &resNet)); err != nil || len(said) != 2 ||
		!strings.Contains(said[0], "RN50: no MaPLe") || !strings.Contains(said[1], "RN50: no pretraining") {
		t.Errorf("%v, %q", err, said)
	}
}

func TestMeasureEndsWithItsContext(t *testing.T) {
	for _, part := range []string{Images, CoOp, TaskRes, MaPLe, Pretrain} {
		t.Run(part, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			o := Options{Device: device.Options{Kind: "cpu", Threads: 1}, Models: []string{"tiny"},
				Parts:   []string{part},
				Batches: []int{1}, Classes: 10, Steps: 1e6, Budget: time.Hour}
			o.Note = func(string) { time.AfterFunc(100*time.Millisecond, cancel) }
			if _, err := Measure(ctx, o); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
}

// TestWorkOfPublishedSizes compares with the published multiply-adds of an
// image, 17.58e9 for ViT-B/16 and 81.08e9 for ViT-L/14, which count all tokens
// in the last block.
func TestWorkOfPublishedSizes(t *testing.T) {
	for name, published := range map[string]float64{"ViT-B/16": 17.58e9, "ViT-L/14": 81.08e9} {
		c, err := Config(name)
		if err != nil {
			t.Fatal(err)
		}
		one, eight := imageWork(c, 1), imageWork(c, 8)
		if r := one.flop() / 2 / published; r < 0.92 || r > 1.01 {
			t.Errorf("%s: %g of the published work", name, r)
		}
		if math.Abs(eight.flop()/one.flop()-8) > 1e-9 || eight.weights != one.weights {
			t.Errorf("%s: eight images are not eight times one: %+v, %+v", name, eight, one)
		}
	}
}

// TestWorkOfResNets compares with what PyTorch 2.15's FlopCounterMode counts of
// open_clip's towers, whose pooling computes the results of all positions, not of
// one, and the keys and values of all: an eighth of RN50's work.
func TestWorkOfResNets(t *testing.T) {
	for name, counted := range map[string]float64{"RN50": 12222939136, "RN101": 19542523904, "RN50x4": 42557214720,
		"RN50x16": 149390635008, "RN50x64": 529107009536} {
		c, err := Config(name)
		if err != nil {
			t.Fatal(err)
		}
		if c.Architecture() != name {
			t.Errorf("%s is called %s", name, c.Architecture())
		}
		p := float64(c.Vision.Grid()*c.Vision.Grid() + 1)
		w := float64(c.Vision.FeatureWidth())
		counted -= 2*(p-1)*w*(w+float64(c.EmbedDim)) + 4*(p-1)*p*w
		counted -= 4*(p-1)*w*w - 4*p*w*float64(c.Vision.Heads-1)
		if r := imageWork(c, 1).flop() / counted; math.Abs(r-1) > 1e-3 {
			t.Errorf("%s: %g of what PyTorch counts", name, r)
		}
		if one, eight := imageWork(c, 1), imageWork(c, 8); math.Abs(eight.flop()/one.flop()-8) > 1e-9 ||
			eight.weights != one.weights {
			t.Errorf("%s: eight images are not eight times one: %+v, %+v", name, eight, one)
		}
	}
}

func TestNoiseFillsWhatIsAskedFor(t *testing.T) {
	for _, n := range []int{1, 5, 1<<20 - 3, 3<<20 + 7} {
		zero, sum := 0, 0.0
		for _, v := range noise(1, n) {
			if v == 0 {
				zero++
			}
			sum += float64(v)
		}
		if zero > n/1000 || math.Abs(sum) > 5*math.Sqrt(float64(n))*4 {
			t.Errorf("%d values: %d zeros, sum %g", n, zero, sum)
		}
	}
}

// small is an engine that holds few bytes.
type small struct {
	*cpu.Engine
	left int
}

func (s *small) New(dt tensor.Dtype, shape ...int) (*tensor.Dense, error) {
	if n := tensor.Shape(shape).TotalSize(); n > s.left {
		return nil, &engine.OutOfMemory{Device: "small", Need: int64(n)}
	}
	return s.Engine.New(dt, shape...)
}

// TestClimbStopsAtWhatFits wants the largest size that fits, and an error if
// none does.
func TestClimbStopsAtWhatFits(t *testing.T) {
	e, err := cpu.New(cpu.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	s := &small{e, 1000}
	m := &meter{Options: Options{Budget: time.Millisecond}, ctx: t.Context(), e: s}
	last := 0
	prepare := func(n int) (probe, error) { last = n; return m.sum(n) }
	if rate, err := climb(m, []int{10, 1000, 100000}, new(int), false, prepare); err != nil || !(rate > 0) ||
		last != 1000 {
		t.Errorf("rate %g at %d: %v", rate, last, err)
	}
	s.left = 1
	var full *engine.OutOfMemory
	if _, err := climb(m, []int{10, 1000}, new(int), false, prepare); !errors.As(err, &full) {
		t.Errorf("no room: %v", err)
	}
}

// TestStepsAreTimedByBursts reports 32 steps at a time, as a device with a
// queue does, of 1 ms each.
func TestStepsAreTimedByBursts(t *testing.T) {
	stopped := 0
	s := steps{stop: func() { stopped++ }, sample: sample{budget: 100 * time.Millisecond, relStd: 1e-9, least: 3}}
	s.step() // the first step is waited for
	begun := time.Now()
	for range 12 {
		time.Sleep(10 * time.Millisecond)
		for range 32 {
			s.step()
		}
	}
	each := time.Since(begun).Seconds() / 12 / 32
	got, err := s.timing()
	if err != nil || got.Seconds < each*0.5 || got.Seconds > each*2 || stopped == 0 {
		t.Errorf("a step of %g s was timed as %+v, stopped %d times: %v", each, got, stopped, err)
	}
	if _, err := (&steps{}).timing(); err == nil {
		t.Error("nothing is timed without an error")
	}
}

package adapt

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"clipcalib/internal/device"
	"clipcalib/internal/engine"
	"clipcalib/internal/engine/cpu"
	"clipcalib/internal/engine/ref"
)

// golden is testdata/golden.json, which testdata/make_golden.py writes with
// PyTorch.
type golden struct {
	Epochs, Classes, Width, Samples int
	Data                            map[string][]float64
	Cases                           []goldenCase
}

type goldenCase struct {
	Method, Remedy, Loss, Compat, Optimizer string
	Schedule                                string
	LR, Decay, Epsilon                      float64
	Batch, Views                            int
	Seed                                    uint64
	Perturbed                               bool
	Losses, Losses32, Logits                []float64
}

func readGolden(t testing.TB) golden {
	t.Helper()
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func (g golden) matrix(name string, cols int) Matrix {
	v := g.Data[name]
	m := NewMatrix(len(v)/cols, cols)
	for i := range m.Data {
		m.Data[i] = float32(v[i])
	}
	return m
}

func (g golden) data(views int) Data {
	views = max(views, 1)
	d := Data{
		LogitScale: 100,
		Features:   g.matrix("features", g.Width).head(views * g.Samples),
		Prototypes: g.matrix("prototypes", g.Width),
		Views:      views,
	}
	for _, y := range g.Data["labels"] {
		d.Labels = append(d.Labels, int(y))
	}
	return d
}

func (c goldenCase) setup(t testing.TB, g golden) (Method, Remedy, Options) {
	t.Helper()
	m, err := ParseMethod(c.Method)
	if err != nil {
		t.Fatal(err)
	}
	r := Remedy(None{})
	if c.Remedy != "" {
		if r, err = ParseRemedy(c.Remedy); err != nil {
			t.Fatal(err)
		}
	}
	o := Options{
		Compat: Compat(c.Compat), Optimizer: Optimizer(c.Optimizer), Epochs: g.Epochs,
		LR: c.LR, WeightDecay: c.Decay, Batch: c.Batch, Seed: c.Seed, Schedule: Schedule(c.Schedule),
		Epsilon: c.Epsilon,
	}
	if c.Loss != "" {
		if o.Loss, err = ParseLoss(c.Loss); err != nil {
			t.Fatal(err)
		}
	}
	switch {
	case c.Method == "clip-adapter":
		o.Init = map[string]Matrix{"w1": g.matrix("w1", g.Width), "w2": g.matrix("w2", g.Width/4)}
	case c.Perturbed && c.Method == "taskres":
		o.Init = map[string]Matrix{"residual": g.matrix("start", g.Width)}
	case c.Perturbed:
		w, start := g.matrix("prototypes", g.Width), g.matrix("start", g.Width)
		for i, v := range start.Data {
			w.Data[i] += v
		}
		o.Init = map[string]Matrix{"classifier": w}
	}
	return m, r, o
}

func (c goldenCase) name() string {
	name := fmt.Sprintf("%s %s %s %s %s", c.Method, c.Remedy, c.Loss, c.Compat, c.Optimizer)
	if c.Batch > 0 {
		name += fmt.Sprintf(" batch %d of %d views", c.Batch, c.Views)
	}
	if c.Schedule != "" {
		name += " " + c.Schedule
	}
	if c.Perturbed {
		name += " off the kink"
	}
	return name
}

// TestTrainingAgreesWithPyTorch compares loss curves and final logits with
// those of PyTorch in float64. Losses are
// compared to 1e-5 (of 1, where they are smaller: logits near 50 in float32
// leave 4e-6), logits to 2e-4; PyTorch in float32 differs by 4e-6 and 1e-5.
func TestTrainingAgreesWithPyTorch(t *testing.T) {
	g := readGolden(t)
	onCPU, err := cpu.New(cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer onCPU.Close()
	for name, e := range map[string]engine.Engine{"ref": ref.New(), "cpu": onCPU} {
		t.Run(name, func(t *testing.T) { compare(t, g, e) })
	}
}

func compare(t *testing.T, g golden, e engine.Engine) {
	worstLoss, worstLogit := 0.0, 0.0
	for _, c := range g.Cases {
		t.Run(c.name(), func(t *testing.T) {
			m, r, o := c.setup(t, g)
			o.Device = device.Share(e)
			a, err := Train(context.Background(), m, r, g.data(c.Views), o)
			if err != nil {
				t.Fatal(err)
			}
			if len(a.Losses) != len(c.Losses) {
				t.Fatalf("%d epochs, want %d", len(a.Losses), len(c.Losses))
			}
			for e, want := range c.Losses {
				diff := math.Abs(a.Losses[e]-want) / math.Max(math.Abs(want), 1)
				worstLoss = math.Max(worstLoss, diff)
				if diff > 1e-5 {
					t.Errorf("epoch %d: loss %.9g, want %.9g", e, a.Losses[e], want)
				}
			}
			a.Device = o.Device
			logits, err := a.Logits(g.matrix("test", g.Width))
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range c.Logits {
				diff := math.Abs(float64(logits.Data[i])-want) / math.Max(math.Abs(want), 100)
				worstLogit = math.Max(worstLogit, diff)
				if diff > 2e-6 {
					t.Errorf("logit %d: %.9g, want %.9g", i, logits.Data[i], want)
				}
			}
		})
	}
	t.Logf("%d cases: loss within %.1e, logits within %.1e of 100", len(g.Cases), worstLoss, worstLogit)
}

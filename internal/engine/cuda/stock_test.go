//go:build linux

package cuda_test

import (
	"math"
	"strings"
	"testing"

	"clipcalib/adapt"
	"clipcalib/adapt/nn"
	"clipcalib/internal/device"
	"clipcalib/internal/engine/cuda"
	"clipcalib/internal/engine/ref"

	G "gorgonia.org/gorgonia"
)

// TestStockOperationsOnTheHost runs a graph whose operations are on the device
// and on the host in turn, on the emulated device and the reference: the values
// agree, also where only the host knows them, a note says what runs where, and
// the program is never recorded.
func TestStockOperationsOnTheHost(t *testing.T) {
	const b, k, d = 4, 6, 8
	results := map[bool][]float32{}
	fake := device.Share(cuda.OpenFake(t, cuda.Options{}))
	for emulated, dev := range map[bool]*nn.Device{false: device.Share(ref.New()), true: fake} {
		g, err := nn.NewGraph(dev)
		if err != nil {
			t.Fatal(err)
		}
		x, w, labels := g.Input("x", b, d), g.Input("w", k, d), g.Indices("labels", b)
		scale := G.NewScalar(g.ExprGraph(), G.Float32, G.WithName("scale"), G.WithValue(float32(3)))
		logits := nn.CosineLogits(x, w, 5)                                      // device
		squashed := G.Must(G.Tanh(G.Must(G.HadamardProd(logits, scale))))       // host, host
		spread := G.Must(G.Sub(nn.RowMax(squashed), G.Must(G.Mean(logits, 1)))) // host
		loss := nn.Add(nn.CrossEntropy(squashed, labels), G.Must(G.Mean(G.Must(G.Square(spread)))))
		grads := g.Gradients(loss, w, scale)
		p, err := g.Compile(t.Context(), loss, squashed, grads[0], grads[1])
		if err != nil {
			t.Fatal(err)
		}
		for run := range 6 { // recording begins after three
			for n, size := range map[*nn.Node]int{x: b * d, w: k * d} {
				v := make([]float32, size)
				for i := range v {
					v[i] = float32(math.Sin(float64((i + 1) * (run + size))))
				}
				if err := g.Set(n, v); err != nil {
					t.Fatal(err)
				}
			}
			if err := g.Set(labels, []int32{0, 5, 2, 2}); err != nil {
				t.Fatal(err)
			}
			if err := G.Let(scale, float32(run)/2+1); err != nil {
				t.Fatal(err)
			}
			if err := p.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, n := range []*nn.Node{loss, squashed, grads[0], grads[1]} {
				v, err := p.Values(n)
				if err != nil {
					t.Fatal(err)
				}
				results[emulated] = append(results[emulated], v...)
			}
		}
		notes := p.Notes()
		said := strings.Join(notes, "\n")
		whole := strings.Contains(said, "run on the host") && strings.Contains(said, "not recorded")
		if emulated && (len(notes) != 1 || !whole) {
			t.Errorf("notes %q do not say what runs on the host", notes)
		}
		if !emulated && len(notes) != 0 {
			t.Errorf("notes %q where all memory is the host's", notes)
		}
		p.Close()
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range results[false] {
		if got := results[true][i]; !(math.Abs(float64(got-want)) <= 2e-5*(1+math.Abs(float64(want)))) {
			t.Fatalf("value %d is %g, the reference says %g", i, got, want)
		}
	}
}

// square is a remedy of Gorgonia's operations.
type square struct{}

func (square) Name() string      { return "square" }
func (square) Choices() []string { return []string{"remedy: square"} }
func (square) LossTerm(logits *nn.Node, _ *adapt.Reference) *nn.Node {
	return G.Must(G.Mean(G.Must(G.Square(logits))))
}

// TestTrainingWithAStockRemedy trains on the emulated device as on the
// processor, and says once what runs on the host.
func TestTrainingWithAStockRemedy(t *testing.T) {
	var notes []string
	run := func(dev *nn.Device) []float64 {
		a, err := adapt.Train(t.Context(), adapt.TaskRes{}, square{}, clusters(160, 16, 5), adapt.Options{
			Device: dev, Batch: 40, Epochs: 3, Progress: func(p adapt.Progress) { notes = append(notes, p.Notes...) },
		})
		if err != nil {
			t.Fatal(err)
		}
		return a.Losses
	}
	want := run(device.Share(openCPU(t)))
	if len(notes) != 0 {
		t.Errorf("notes %q on the processor", notes)
	}
	got := run(device.Share(cuda.OpenFake(t, cuda.Options{})))
	if len(notes) != 1 || !strings.Contains(notes[0], "run on the host") {
		t.Errorf("notes %q, want one", notes)
	}
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= 1e-4*want[i]) {
			t.Errorf("epoch %d: loss %g, the processor's is %g", i, got[i], want[i])
		}
	}
}

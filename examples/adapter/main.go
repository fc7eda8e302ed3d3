// Command adapter adds an adapter of its own to clipcalib: it learns a scale for
// every entry of the image feature. The run it trains is opened and used as any
// other.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"clipcalib"
	"clipcalib/adapt"
	"clipcalib/adapt/nn"

	"gorgonia.org/gorgonia"
)

// Gate multiplies image features by 1 + Strength*w, entry by entry; w is learned
// and starts at 0, where the model is as it was.
type Gate struct {
	Strength float64 `set:"strength" default:"1" range:">0" from:"this example" help:"factor of the learned vector"`
}

func (Gate) Name() string { return "gate" }

func (g Gate) Choices() []string {
	return []string{fmt.Sprintf("method: gate, a scale for every entry, strength %g", adapt.Resolved(g).Strength)}
}

// Layout says what is trained: one row as wide as the features.
func (Gate) Layout(classes, width int) []adapt.Slot {
	return []adapt.Slot{{Name: "gate", Rows: 1, Cols: width, Trained: true}}
}

func (Gate) Start(t *adapt.Training) (adapt.State, error) {
	s := adapt.NewState()
	s.Trained["gate"] = adapt.NewMatrix(1, t.Width())
	return s, nil
}

// Logits builds the scaled cosines [B, K] of gated features and prototypes.
func (g Gate) Logits(b *adapt.Batch) *gorgonia.Node {
	f := b.UnitFeatures()
	strength := gorgonia.NewConstant(float32(adapt.Resolved(g).Strength))
	w := gorgonia.Must(gorgonia.Mul(b.Matrix("gate"), strength))
	shift := gorgonia.Must(gorgonia.BroadcastHadamardProd(f, w, nil, []byte{0}))
	gated := gorgonia.Must(gorgonia.Add(f, shift))
	return b.CosineLogits(nn.L2Normalize(gated), b.UnitPrototypes())
}

func main() {
	root := flag.String("root", ".", "the repository")
	flag.Parse()
	dir, err := os.MkdirTemp("", "clipcalib-adapter-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := adapt.RegisterMethod(Gate{}); err != nil {
		log.Fatal(err)
	}
	if err := run(context.Background(), *root, filepath.Join(dir, "run")); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, root, dir string) error {
	icon := func(name string) string { return filepath.Join(root, "testdata", "icons", name+".png") }
	shots := clipcalib.Shots{
		Pictures: []string{icon("apple"), icon("bus"), icon("hammer")}, Labels: []int{0, 1, 2},
		Classes: []string{"fruit", "vehicle", "tool"}, Templates: []string{"an icon of a {}."},
	}
	checkpoint := filepath.Join(root, "internal", "demo", "model", "clip-icons-32.pt")
	_, err := clipcalib.Adapt(ctx, dir, checkpoint, shots, Gate{}, adapt.SaLS{}, adapt.Options{Epochs: 40})
	if err != nil {
		return err
	}
	r, err := clipcalib.OpenRun(dir, clipcalib.RunOptions{})
	if err != nil {
		return err
	}
	defer r.Close()
	got, err := r.Predict(ctx, clipcalib.FromFile(icon("hammer")), clipcalib.FromFile(icon("taxi")))
	if err != nil {
		return err
	}
	for _, p := range got.Pictures {
		fmt.Printf("%s by %s: %s\n", filepath.Base(p.Name), r.Info().Method, p.Class)
	}
	return nil
}

// Command remedy adds a remedy of its own to clipcalib, written in Gorgonia's
// stock operations: it trains an adapter under it, saves it, and loads it again.
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

	"gorgonia.org/gorgonia"
)

// Tether adds to the training loss the mean square of how far the logits have
// moved from the zero-shot ones. Its field is a setting: it is kept with what was
// trained, listed in --help and set by --set in a command built with it.
type Tether struct {
	Weight float64 `set:"weight" default:"0.1" range:">=0" from:"this example" help:"weight of the mean square"`
}

func (Tether) Name() string { return "tether" }

func (t Tether) Choices() []string {
	return []string{fmt.Sprintf("remedy: tether, %g times the mean square distance from the zero-shot logits",
		adapt.Resolved(t).Weight)}
}

// LossTerm makes it an [adapt.LossTerm].
func (t Tether) LossTerm(logits *gorgonia.Node, zs *adapt.Reference) *gorgonia.Node {
	moved := gorgonia.Must(gorgonia.Sub(logits, zs.Logits()))
	mean := gorgonia.Must(gorgonia.Mean(gorgonia.Must(gorgonia.Square(moved))))
	return gorgonia.Must(gorgonia.Mul(mean, gorgonia.NewConstant(float32(adapt.Resolved(t).Weight))))
}

func main() {
	root := flag.String("root", ".", "the repository")
	flag.Parse()
	dir, err := os.MkdirTemp("", "clipcalib-remedy-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := adapt.RegisterRemedy(Tether{}); err != nil {
		log.Fatal(err)
	}
	if err := run(context.Background(), *root, dir); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, root, dir string) error {
	model, err := clipcalib.Open(filepath.Join(root, "internal", "demo", "model", "clip-icons-32.pt"),
		clipcalib.Options{})
	if err != nil {
		return err
	}
	defer model.Close()
	icon := func(name string) string { return filepath.Join(root, "testdata", "icons", name+".png") }
	data, err := clipcalib.TrainingData(ctx, model, []string{icon("apple"), icon("bus"), icon("hammer")},
		[]int{0, 1, 2}, []string{"fruit", "vehicle", "tool"}, "an icon of a {}.")
	if err != nil {
		return err
	}
	for _, r := range []adapt.Remedy{adapt.None{}, Tether{}, Tether{Weight: 0.02}} {
		a, err := adapt.Train(ctx, adapt.TaskRes{}, r, data, adapt.Options{Epochs: 40, Device: model.Device})
		if err != nil {
			return err
		}
		path := filepath.Join(dir, "adapter.safetensors")
		if err := a.Save(path); err != nil {
			return err
		}
		if a, err = adapt.Load(path); err != nil {
			return err
		}
		moved, err := distance(ctx, a, data.Features)
		if err != nil {
			return err
		}
		fmt.Printf("%s %+v: logits %.1f from the zero-shot ones\n", a.Remedy.Name(), adapt.Resolved(a.Remedy), moved)
	}
	return nil
}

// distance is the greatest difference of a logit from the zero-shot one.
func distance(ctx context.Context, a *adapt.Adapter, features adapt.Matrix) (float64, error) {
	adapted, err := a.LogitsContext(ctx, features)
	if err != nil {
		return 0, err
	}
	zeroShot, err := a.ZeroShotLogits(ctx, features)
	if err != nil {
		return 0, err
	}
	far := 0.0
	for i, v := range adapted.Data {
		d := float64(v - zeroShot.Data[i])
		far = max(far, d, -d)
	}
	return far, nil
}

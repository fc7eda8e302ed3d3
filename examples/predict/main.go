// Command predict adapts the model that ships with clipcalib to three kinds of
// thing with one picture each, keeps the run, and asks it what is in other
// pictures. Start it in the repository's root, or name that by -root.
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
)

func main() {
	root := flag.String("root", ".", "the repository")
	flag.Parse()
	dir, err := os.MkdirTemp("", "clipcalib-predict-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := run(context.Background(), *root, filepath.Join(dir, "run")); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, root, dir string) error {
	icon := func(name string) string { return filepath.Join(root, "testdata", "icons", name+".png") }
	shots := clipcalib.Shots{
		Pictures:  []string{icon("apple"), icon("bus"), icon("hammer")},
		Labels:    []int{0, 1, 2},
		Classes:   []string{"fruit", "vehicle", "tool"},
		Templates: []string{"an icon of a {}."},
	}
	checkpoint := filepath.Join(root, "internal", "demo", "model", "clip-icons-32.pt")
	_, err := clipcalib.Adapt(ctx, dir, checkpoint, shots, adapt.TipAdapterF{}, adapt.Penalty{},
		adapt.Options{Epochs: 20})
	if err != nil {
		return err
	}

	// From here on the folder is enough: it names its weights, classes and remedy.
	r, err := clipcalib.OpenRun(dir, clipcalib.RunOptions{})
	if err != nil {
		return err
	}
	defer r.Close()
	var pictures []clipcalib.Picture
	for _, name := range []string{"tangerine", "taxi", "screwdriver"} {
		pictures = append(pictures, clipcalib.FromFile(icon(name)))
	}
	got, err := r.Predict(ctx, pictures...)
	if err != nil {
		return err
	}
	for _, p := range got.Pictures {
		fmt.Printf("%s: %s, %.1f %%\n", filepath.Base(p.Name), p.Class, 100*p.Confidence)
	}
	return nil
}

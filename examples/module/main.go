// Command module is a program in a module of its own that uses clipcalib.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"path/filepath"

	"clipcalib"
	"clipcalib/adapt"
)

func main() {
	root := flag.String("root", "../..", "clipcalib's repository")
	flag.Parse()
	ctx := context.Background()
	device, err := clipcalib.OpenDevice(clipcalib.DeviceOptions{Kind: "cpu"})
	if err != nil {
		log.Fatal(err)
	}
	defer device.Close()
	checkpoint := filepath.Join(*root, "internal", "demo", "model", "clip-icons-32.pt")
	model, err := clipcalib.Open(checkpoint, clipcalib.Options{Device: device})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()
	icon := func(name string) string { return filepath.Join(*root, "testdata", "icons", name+".png") }
	data, err := clipcalib.TrainingData(ctx, model, []string{icon("apple"), icon("bus")}, []int{0, 1},
		[]string{"fruit", "vehicle"}, "an icon of a {}.")
	if err != nil {
		log.Fatal(err)
	}
	adapter, err := adapt.Train(ctx, adapt.TaskRes{}, adapt.ZSNorm{}, data, adapt.Options{Epochs: 20, Device: device})
	if err != nil {
		log.Fatal(err)
	}
	logits, err := adapter.LogitsContext(ctx, data.Features)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("apple is a fruit:", logits.Row(0)[0] > logits.Row(0)[1])
}

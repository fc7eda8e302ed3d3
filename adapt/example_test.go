package adapt_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"clipcalib/adapt"
)

// Features would come from an image tower and a text tower; here are four
// images and two classes of width 3.
func Example() {
	data := adapt.Data{
		Features:   adapt.Matrix{Rows: 4, Cols: 3, Data: []float32{9, 1, 5, 1, 9, 5, 8, 2, 6, 3, 7, 5}},
		Labels:     []int{0, 1, 0, 1},
		Prototypes: adapt.Matrix{Rows: 2, Cols: 3, Data: []float32{2, 1, 3, 1, 2, 2}},
		LogitScale: adapt.DefaultLogitScale, // that of the model the features are of
	}
	adapter, err := adapt.Train(context.Background(), adapt.TaskRes{}, adapt.Penalty{}, data, adapt.Options{Epochs: 50})
	if err != nil {
		log.Fatal(err)
	}
	logits, err := adapter.Logits(adapt.Matrix{Rows: 1, Cols: 3, Data: []float32{3, 8, 4}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("second class wins:", logits.Row(0)[1] > logits.Row(0)[0])
	// Output: second class wins: true
}

func ExampleAdapter_Save() {
	data := adapt.Data{
		Features:   adapt.Matrix{Rows: 2, Cols: 2, Data: []float32{1, 0, 0, 1}},
		Labels:     []int{0, 1},
		Prototypes: adapt.Matrix{Rows: 2, Cols: 2, Data: []float32{1, 1, 0, 1}},
		LogitScale: adapt.DefaultLogitScale,
	}
	adapter, err := adapt.Train(context.Background(), adapt.ZSLP{}, adapt.SaLS{}, data, adapt.Options{Epochs: 5})
	if err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "adapter")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "probe.safetensors")
	if err := adapter.Save(path); err != nil {
		log.Fatal(err)
	}
	back, err := adapt.Load(path)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(back.Method.Name(), back.Remedy.Name(), back.Classes(), back.Width())
	// Output: zslp sals 2 2
}

func ExampleParseMethod() {
	_, err := adapt.ParseMethod("lora")
	fmt.Println(err)
	// Output: unknown method "lora"; known are zero-shot, zslp, clip-adapter, tip-adapter, tip-adapter-f, taskres, clap
}

func ExampleChoices() {
	lines, err := adapt.Choices(adapt.TipAdapter{}, adapt.SaLS{}, adapt.Options{Compat: adapt.CLIPCalib,
		LogitScale: 100})
	if err != nil {
		log.Fatal(err)
	}
	for _, l := range lines[:4] {
		fmt.Println(l)
	}
	// Output:
	// method: Tip-Adapter, training-free, alpha 1, beta 1, no search
	// remedy: sals, on the trained model's logits only; training is that of remedy none
	// logits: 100 times the cosine
	// Tip-Adapter affinity: query not normalised: norm of the query times the cosine (clipcalib)
}

func ExampleSchedule_Rate() {
	for _, epoch := range []int{0, 1, 150, 299} {
		fmt.Printf("%d: %.6f\n", epoch, adapt.WarmCosine.Rate(0.1, epoch, 300))
	}
	// Output:
	// 0: 0.000010
	// 1: 0.100000
	// 150: 0.050524
	// 299: 0.000011
}

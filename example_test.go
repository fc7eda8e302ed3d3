package clipcalib_test

import (
	"context"
	"fmt"
	"log"

	"clipcalib"
	"clipcalib/adapt"
)

// The model that ships with the program says what is in pictures it was not
// trained for, then is adapted on one picture of each kind.
func Example() {
	ctx := context.Background()
	model, err := clipcalib.Open("internal/demo/model/clip-icons-32.pt", clipcalib.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer model.Close()

	classes := []string{"fruit", "vehicle", "tool"}
	shots := []string{"testdata/icons/apple.png", "testdata/icons/bus.png", "testdata/icons/hammer.png"}
	data, err := clipcalib.TrainingData(ctx, model, shots, []int{0, 1, 2}, classes, "an icon of a {}.")
	if err != nil {
		log.Fatal(err)
	}
	adapter, err := adapt.Train(ctx, adapt.TaskRes{}, adapt.SaLS{}, data,
		adapt.Options{Epochs: 20, Device: model.Device})
	if err != nil {
		log.Fatal(err)
	}

	pictures := []string{"testdata/icons/tangerine.png", "testdata/icons/taxi.png", "testdata/icons/screwdriver.png"}
	features, err := model.Images.EncodeFiles(ctx, pictures)
	if err != nil {
		log.Fatal(err)
	}
	logits, err := adapter.Logits(adapt.FromRows(features))
	if err != nil {
		log.Fatal(err)
	}
	for i, path := range pictures {
		row := logits.Row(i)
		best := 0
		for k := range row {
			if row[k] > row[best] {
				best = k
			}
		}
		fmt.Println(path, "is a", classes[best])
	}
	// Output:
	// testdata/icons/tangerine.png is a fruit
	// testdata/icons/taxi.png is a vehicle
	// testdata/icons/screwdriver.png is a tool
}

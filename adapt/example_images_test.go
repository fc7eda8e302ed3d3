package adapt_test

import (
	"context"
	"fmt"
	"log"

	"clipcalib"
	"clipcalib/adapt"
)

// Adapt a checkpoint to two classes from labelled image files, then classify.
func Example_images() {
	train := func(ctx context.Context, checkpoint string, paths []string, labels []int) (*adapt.Adapter, error) {
		model, err := clipcalib.Open(checkpoint, clipcalib.Options{})
		if err != nil {
			return nil, err
		}
		defer model.Close()
		prototypes, err := model.Texts.Encode(ctx, []string{"a photo of a cat.", "a photo of a dog."})
		if err != nil {
			return nil, err
		}
		features, err := model.Images.EncodeFiles(ctx, paths)
		if err != nil {
			return nil, err
		}
		data := adapt.Data{
			Features: adapt.FromRows(features), Labels: labels, Prototypes: adapt.FromRows(prototypes),
			LogitScale: model.Config.Scale(),
		}
		return adapt.Train(ctx, adapt.TaskRes{}, adapt.Penalty{}, data, adapt.Options{})
	}
	adapter, err := train(context.Background(), "ViT-B-16.pt", []string{"cat.jpg", "dog.jpg"}, []int{0, 1})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("trained on", adapter.Classes(), "classes")
}

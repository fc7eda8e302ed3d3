package adapt_test

import (
	"context"
	"fmt"
	"log"

	"clipcalib/adapt"
	"clipcalib/text"
	"clipcalib/vit"
	"clipcalib/weights"
)

// Adapt a checkpoint to two classes from labelled image files, then classify.
func Example_images() {
	train := func(ctx context.Context, checkpoint string, paths []string, labels []int) (*adapt.Adapter, error) {
		ck, err := weights.OpenCLIP(checkpoint, weights.Options{})
		if err != nil {
			return nil, err
		}
		defer ck.Close()
		images, err := vit.NewEncoder(ck, vit.Options{})
		if err != nil {
			return nil, err
		}
		defer images.Close()
		texts, err := text.NewEncoder(ck, text.Options{})
		if err != nil {
			return nil, err
		}
		defer texts.Close()
		prototypes, err := texts.Encode(ctx, []string{"a photo of a cat.", "a photo of a dog."})
		if err != nil {
			return nil, err
		}
		features, err := images.EncodeFiles(ctx, paths)
		if err != nil {
			return nil, err
		}
		data := adapt.Data{Features: adapt.FromRows(features), Labels: labels, Prototypes: adapt.FromRows(prototypes)}
		return adapt.Train(ctx, adapt.TaskRes{}, adapt.Penalty{}, data, adapt.Options{})
	}
	adapter, err := train(context.Background(), "ViT-B-16.pt", []string{"cat.jpg", "dog.jpg"}, []int{0, 1})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("trained on", adapter.Classes(), "classes")
}

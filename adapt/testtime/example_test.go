package testtime_test

import (
	"context"
	"fmt"
	"image"
	"os"
	"path/filepath"

	"clipcalib/adapt"
	"clipcalib/adapt/testtime"
	"clipcalib/internal/cliptest"
	"clipcalib/text"
	"clipcalib/vit"
	"clipcalib/weights"
)

// open opens a small random model in the place of a real one's checkpoint.
func open() (*vit.Encoder, *text.Encoder, func(), error) {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		return nil, nil, nil, err
	}
	path := filepath.Join(dir, "model.pt")
	if err := cliptest.Write(path, cliptest.Tiny(), 1); err != nil {
		return nil, nil, nil, err
	}
	ck, err := weights.OpenCLIP(path, weights.Options{})
	if err != nil {
		return nil, nil, nil, err
	}
	defer ck.Close()
	images, err := vit.NewEncoder(ck, vit.Options{})
	if err != nil {
		return nil, nil, nil, err
	}
	texts, err := text.NewEncoder(ck, text.Options{})
	return images, texts, func() {
		images.Close()
		texts.Close()
		os.RemoveAll(dir)
	}, err
}

func Example() {
	images, texts, done, err := open()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer done()
	ctx := context.Background()
	classes := []string{"cat", "dog", "great white shark"}
	tuner, err := testtime.NewTuner(ctx, images, texts, classes, testtime.CTPT{}, adapt.SaLS{}, testtime.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer tuner.Close()
	photo := image.NewNRGBA(image.Rect(0, 0, 640, 480))
	p, err := tuner.Tune(ctx, photo, "cats/tom.jpg")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(p.Logits), "logits from a prompt tuned on", len(p.Kept), "of 64 views")
	for _, c := range tuner.Choices()[:3] {
		fmt.Println(c)
	}
	// Output:
	// 3 logits from a prompt tuned on 6 of 64 views
	// loss: entropy of the mean prediction of the most confident views
	// loss: minus 50 times the dispersion of the text features
	// remedy: sals, on the tuned model's logits only; reference: zero-shot logits of the plain image
}

func ExampleTuner_Run() {
	images, texts, done, err := open()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer done()
	ctx := context.Background()
	classes := []string{"cat", "dog"}
	tuner, err := testtime.NewTuner(ctx, images, texts, classes, testtime.TPT{}, adapt.None{},
		testtime.Options{Views: 16})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer tuner.Close()
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	items := []testtime.Item{
		{Key: "cat/1.jpg", Label: 0, Open: func() (image.Image, error) {
			return image.NewNRGBA(image.Rect(0, 0, 320, 200)),
				nil
		}},
		{Key: "dog/1.jpg", Label: 1, Open: func() (image.Image, error) {
			return image.NewNRGBA(image.Rect(0, 0, 200, 320)),
				nil
		}},
	}
	res, err := tuner.Run(ctx, testtime.RunOptions{Items: items, Dir: dir, Name: "pets"})
	if err != nil {
		fmt.Println(err)
		return
	}
	where, _ := filepath.Rel(dir, res.Dir)
	fmt.Printf("accuracy %.2f, logits in %s\n", res.Metrics.Accuracy, filepath.ToSlash(where))
	// Output:
	// accuracy 0.50, logits in targets/pets
}

func ExampleParseMethod() {
	m, err := testtime.ParseMethod("c-tpt")
	fmt.Println(m.Name(), err)
	_, err = testtime.ParseMethod("ttp")
	fmt.Println(err != nil)
	// Output:
	// c-tpt <nil>
	// true
}

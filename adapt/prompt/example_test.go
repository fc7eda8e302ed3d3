package prompt_test

import (
	"context"
	"fmt"
	"log"
	"math"
	"os"
	"path/filepath"

	"clipcalib"
	"clipcalib/adapt"
	"clipcalib/adapt/prompt"
	"clipcalib/weights"
)

// openSmall opens a model small enough for an example.
func openSmall() (*prompt.Model, string) {
	dir, err := os.MkdirTemp("", "prompt")
	if err != nil {
		log.Fatal(err)
	}
	path, err := prompt.WriteSmall(dir)
	if err != nil {
		log.Fatal(err)
	}
	model, err := clipcalib.Open(path, clipcalib.Options{Weights: weights.Options{Activation: weights.QuickGELU,
		VisionHeads: 2, TextHeads: 2}})
	if err != nil {
		log.Fatal(err)
	}
	return model, dir
}

// wave stands for the image features of n images.
func wave(n, dim int) adapt.Matrix {
	m := adapt.NewMatrix(n, dim)
	for i := range m.Data {
		m.Data[i] = float32(math.Sin(float64(i * i)))
	}
	return m
}

func twoClasses(model *prompt.Model) prompt.Data {
	return prompt.Data{Classes: []string{"cat", "fork lift"}, Labels: []int{0, 1, 0, 1},
		Features: wave(4, model.Config.EmbedDim)}
}

func ExampleModel() {
	model, dir := openSmall()
	defer os.RemoveAll(dir)
	defer model.Close()
	fmt.Println(model.Config.Text.Layers, "text layers, features of length", model.Config.EmbedDim)
	// Output: 3 text layers, features of length 16
}

func ExampleTrain() {
	model, dir := openSmall()
	defer os.RemoveAll(dir)
	defer model.Close()
	data := twoClasses(model)
	learner, err := prompt.Train(context.Background(), model, prompt.CoOp{}, adapt.Penalty{}, data,
		prompt.Options{Epochs: 20, LR: 0.01})
	if err != nil {
		log.Fatal(err)
	}
	nodes, tokens := learner.Nodes()
	fmt.Printf("%d trie nodes for %d tokens\n", nodes, tokens)
	fmt.Println("loss fell:", learner.Losses[19] < learner.Losses[0])
	// Output:
	// 24 trie nodes for 41 tokens
	// loss fell: true
}

func ExampleLearner_Predict() {
	model, dir := openSmall()
	defer os.RemoveAll(dir)
	defer model.Close()
	ctx := context.Background()
	data := twoClasses(model)
	learner, err := prompt.Train(ctx, model, prompt.KgCoOp{}, adapt.SaLS{}, data, prompt.Options{Epochs: 2})
	if err != nil {
		log.Fatal(err)
	}
	p, err := learner.Predict(ctx, prompt.Input{Features: wave(3, model.Config.EmbedDim)})
	if err != nil {
		log.Fatal(err)
	}
	row := func(m adapt.Matrix) float64 { return math.Abs(float64(m.Row(0)[0] - m.Row(0)[1])) }
	fmt.Println(p.Logits.Rows, "images,", p.Logits.Cols, "classes")
	fmt.Println("range of the zero-shot logits kept:", math.Abs(row(p.Logits)-row(p.ZeroShot)) < 1e-4)
	// Output:
	// 3 images, 2 classes
	// range of the zero-shot logits kept: true
}

func ExampleLearner_Logits() {
	model, dir := openSmall()
	defer os.RemoveAll(dir)
	defer model.Close()
	ctx := context.Background()
	learner, err := prompt.Train(ctx, model, prompt.CoOp{Contexts: 4}, adapt.None{}, twoClasses(model),
		prompt.Options{Epochs: 1})
	if err != nil {
		log.Fatal(err)
	}
	logits, err := learner.Logits(ctx, prompt.Input{Features: wave(3, model.Config.EmbedDim)})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(logits.Rows, logits.Cols)
	// Output: 3 2
}

func ExampleLearner_Save() {
	model, dir := openSmall()
	defer os.RemoveAll(dir)
	defer model.Close()
	learner, err := prompt.Train(context.Background(), model, prompt.CoOp{}, adapt.ZSNorm{}, twoClasses(model),
		prompt.Options{Epochs: 1})
	if err != nil {
		log.Fatal(err)
	}
	path := filepath.Join(dir, "prompts.pt") // PyTorch reads it as {"prompt_learner.ctx": ...}
	if err := learner.Save(path); err != nil {
		log.Fatal(err)
	}
	back, err := prompt.Load(path, model, prompt.LoadOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(back.Method.Name(), back.Remedy.Name(), back.Classes())
	// Output: coop zs-norm [cat fork lift]
}

func ExampleLoad() {
	// A checkpoint of the PyTorch release of CoOp does not name its classes.
	model, dir := openSmall()
	defer os.RemoveAll(dir)
	defer model.Close()
	learner, err := prompt.Load("testdata/model.pth.tar-10", model,
		prompt.LoadOptions{Classes: []string{"cat", "dog", "fork_lift"}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(learner.Method.Name(), len(learner.Parameters()["prompt_learner.ctx"]))
	// Output: coop 128
}

func ExampleLearner_WithClasses() {
	model, dir := openSmall()
	defer os.RemoveAll(dir)
	defer model.Close()
	learner, err := prompt.Train(context.Background(), model, prompt.CoOp{}, adapt.None{}, twoClasses(model),
		prompt.Options{Epochs: 1})
	if err != nil {
		log.Fatal(err)
	}
	birds, err := learner.WithClasses([]string{"robin", "jay", "house finch"}, adapt.Matrix{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(birds.Classes())
	// Output: [robin jay house finch]
}

func ExampleMethods() {
	for _, m := range prompt.Methods() {
		fmt.Printf("%-9s needs images: %v\n", m.Name(), prompt.NeedsImages(m))
	}
	// Output:
	// coop      needs images: false
	// cocoop    needs images: false
	// prograd   needs images: false
	// maple     needs images: true
	// kgcoop    needs images: false
	// promptsrc needs images: true
}

func ExampleParseMethod() {
	m, err := prompt.ParseMethod("prograd")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Choices()[0])
	// Output: prompts: 16 vectors that start as "a photo of a"; lambda 1, temperature 1
}

func ExampleChoices() {
	for _, line := range prompt.Choices(prompt.MaPLe{}, adapt.SaLS{}, prompt.Options{Seed: 1}, 100) {
		fmt.Println(line)
	}
	// Output:
	// prompts: 2 vectors that start as "a photo of a", in the first 3 blocks of both towers; the image tower's are a linear map of the text tower's
	// remedy: sals, on the trained model's logits only; training is that of remedy none
	// logits: 100 times the cosine
	// loss: cross-entropy
	// optimiser: SGD, momentum 0.9, rate 0.0026, weight decay 0.0005
	// schedule: warm-cosine over 2 epochs, batches of 4; the last epoch's parameters are kept
	// zero-shot logits: of the frozen model on the same view
	// seed: 1
}

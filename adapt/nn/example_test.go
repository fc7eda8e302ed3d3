package nn_test

import (
	"context"
	"fmt"
	"log"

	"clipcalib/adapt/nn"

	"gorgonia.org/gorgonia"
)

// A penalty on logits that leave [0, 2], written in Gorgonia's operations, beside
// the library's cross-entropy; the gradient flows through both.
func Example() {
	g, err := nn.NewGraph(nil) // on the processor
	if err != nil {
		log.Fatal(err)
	}
	defer g.Close()
	logits, labels := g.Input("logits", 2, 3), g.Indices("labels", 2)

	above := nn.ReLU(gorgonia.Must(gorgonia.Sub(logits, gorgonia.NewConstant(float32(2)))))
	term := gorgonia.Must(gorgonia.Mean(gorgonia.Must(gorgonia.Square(above))))
	loss := nn.Add(nn.CrossEntropy(logits, labels), term)
	grad := g.Gradients(loss, logits)[0]

	ctx := context.Background()
	p, err := g.Compile(ctx, loss, grad)
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	if err := g.Set(logits, []float32{1, 4, 0, 1, 1, 1}); err != nil {
		log.Fatal(err)
	}
	if err := g.Set(labels, []int32{1, 0}); err != nil {
		log.Fatal(err)
	}
	if err := p.Run(ctx); err != nil {
		log.Fatal(err)
	}
	for _, n := range []*nn.Node{loss, grad} {
		v, err := p.Values(n)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%.4f\n", v)
	}
	// Output:
	// [1.2489]
	// [0.0233 0.6348 0.0086 -0.3333 0.1667 0.1667]
}

package calib_test

import (
	"bytes"
	"fmt"
	"log"

	"clipcalib/calib"
)

// cards are logits of so many samples of two classes: every fifth is wrong,
// and all are far too sure.
func cards(n int) (calib.Matrix, []int) {
	m, labels := calib.NewMatrix(n, 2), make([]int, n)
	for i := range n {
		m.Row(i)[i%2] = 6 + float64(i%7)
		labels[i] = i % 2
		if i%5 == 4 {
			labels[i] = 1 - labels[i]
		}
	}
	return m, labels
}

func ExampleFitCalibrator() {
	logits, labels := cards(100)
	calibrator, fit, err := calib.FitCalibrator(calib.Temperature, logits, labels, calib.FitOptions{})
	if err != nil {
		log.Fatal(err)
	}
	var file bytes.Buffer
	if err := calib.SaveCalibrator(&file, calib.SavedCalibrator{Calibrator: calibrator}); err != nil {
		log.Fatal(err)
	}
	saved, err := calib.LoadCalibrator(&file)
	if err != nil {
		log.Fatal(err)
	}
	better, err := saved.Calibrator.Apply(logits)
	if err != nil {
		log.Fatal(err)
	}
	m, err := calib.EvaluateRows(better, labels, calib.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("NLL %.2f before, %.2f after; T = %.1f\n", fit.NLLBefore, m.NLL, calibrator.Temperature)
	// Output: NLL 1.77 before, 0.51 after; T = 6.6
}

func ExampleFitConformal() {
	logits, labels := cards(99)
	sets, err := calib.FitConformal(logits, labels, calib.ConformalOptions{Score: calib.LAC, Coverage: 0.7})
	if err != nil {
		log.Fatal(err)
	}
	fresh, err := calib.FromRows([][]float64{{9, 0}, {1, 1}})
	if err != nil {
		log.Fatal(err)
	}
	of, err := sets.Sets(fresh)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(of) // a set may be empty where no class is likely
	// Output: [[0] []]
}

func ExamplePredictions_Bootstrap() {
	logits, labels := cards(100)
	p, err := calib.Predict(logits, labels)
	if err != nil {
		log.Fatal(err)
	}
	r, err := p.Bootstrap(calib.BootstrapOptions{Draws: 500, Seed: 1})
	if err != nil {
		log.Fatal(err)
	}
	a := r["accuracy"]
	fmt.Printf("accuracy %.2f, between %.1f and %.1f\n", a.Value, a.Low, a.High)
	// Output: accuracy 0.80, between 0.7 and 0.9
}

func ExampleWilson() {
	i, err := calib.Wilson(9, 10, 0.95)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.3f to %.3f\n", i.Low, i.High)
	// Output: 0.596 to 0.982
}

package calib_test

import (
	"encoding/json"
	"fmt"
	"os"

	"clipcalib/calib"
)

// Three samples, two classes: the logits of an adapted model, of the zero-shot
// model it came from, and the labels.
var (
	adapted, _  = calib.FromRows([][]float64{{30, 10}, {12, 20}, {25, 15}})
	zeroShot, _ = calib.FromRows([][]float64{{22, 20}, {19, 20}, {21, 20}})
	labels      = []int{0, 1, 1}
)

// Logits of any model, in whichever language it was written: all that is
// needed is the matrix and the labels.
func ExampleEvaluate() {
	m, err := calib.Evaluate(adapted, labels, calib.Options{Bins: 10})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("accuracy %.3f, ECE %.3f, logit range %.1f\n", m.Accuracy, m.ECE, m.LogitRange)
	// Output: accuracy 0.667, ECE 0.333, logit range 12.7
}

func ExampleMetrics() {
	m, _ := calib.Evaluate(zeroShot, labels, calib.Options{})
	json.NewEncoder(os.Stdout).Encode(map[string]float64{"accuracy": m.Accuracy, "logit_range": m.LogitRange})
	// Output: {"accuracy":0.6666666666666666,"logit_range":1.3333333333333333}
}

func ExampleSaLS() {
	repaired, err := calib.SaLS(adapted, zeroShot)
	if err != nil {
		fmt.Println(err)
		return
	}
	before, _ := calib.Evaluate(adapted, labels, calib.Options{})
	after, _ := calib.Evaluate(repaired, labels, calib.Options{})
	fmt.Println(repaired.Row(0), repaired.Row(1), repaired.Row(2))
	fmt.Printf("accuracy %.3f -> %.3f, NLL %.2f -> %.2f\n", before.Accuracy, after.Accuracy, before.NLL, after.NLL)
	// Output:
	// [22 20] [19 20] [21 20]
	// accuracy 0.667 -> 0.667, NLL 3.33 -> 0.58
}

func ExampleTemperatures() {
	t, _ := calib.Temperatures(adapted, zeroShot)
	fmt.Println(t)
	// Output: [10 8 10]
}

func ExamplePredict() {
	p, err := calib.Predict(zeroShot, labels)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, class := range p.Class {
		fmt.Printf("class %d, confidence %.3f, right: %v\n", class, p.Confidence[i], p.Correct[i])
	}
	fmt.Printf("ECE of 5 bins %.3f, of 15 bins %.3f\n", p.ECE(5), p.ECE(15))
	// Output:
	// class 0, confidence 0.881, right: true
	// class 1, confidence 0.731, right: true
	// class 0, confidence 0.731, right: false
	// ECE of 5 bins 0.194, of 15 bins 0.194
}

func ExamplePredictions_Reliability() {
	p, _ := calib.Predict(zeroShot, labels)
	for _, b := range p.Reliability(10).Bins {
		if b.Count > 0 {
			fmt.Printf("(%.1f, %.1f]: %d samples, accuracy %.2f, confidence %.2f\n",
				b.Lower, b.Upper, b.Count, b.Accuracy, b.Confidence)
		}
	}
	// Output:
	// (0.7, 0.8]: 2 samples, accuracy 0.50, confidence 0.73
	// (0.8, 0.9]: 1 samples, accuracy 1.00, confidence 0.88
}

func ExampleFitTemperature() {
	fit, err := calib.FitTemperature(adapted, labels)
	if err != nil {
		fmt.Println(err)
		return
	}
	scaled, _ := calib.Scale(adapted, fit.T)
	m, _ := calib.Evaluate(scaled, labels, calib.Options{})
	fmt.Printf("T = %.3f, NLL %.3f\n", fit.T, m.NLL)
	// Output: T = 13.921, NLL 0.592
}

func ExampleGridTemperature() {
	fit, _ := calib.GridTemperature(zeroShot, labels, calib.ByNLL)
	fmt.Printf("T = %.1f\n", fit.T)
	// Output: T = 1.3
}

func ExampleSoftmax() {
	p, _ := calib.Softmax(zeroShot)
	fmt.Printf("%.3f\n", p.Row(0))
	// Output: [0.881 0.119]
}

func ExampleLogSoftmax() {
	p, _ := calib.LogSoftmax(zeroShot)
	fmt.Printf("%.3f\n", p.Row(0))
	// Output: [-0.127 -2.127]
}

func ExampleRanges() {
	r, _ := calib.Ranges(adapted)
	fmt.Println(r)
	// Output: [20 8 10]
}

func ExampleNorms() {
	m, _ := calib.FromFloat32(1, 2, []float32{3, 4})
	n, _ := calib.Norms(m)
	fmt.Println(n)
	// Output: [5]
}

func ExampleZSNormLoss() {
	value, grad, _ := calib.ZSNormLoss(adapted, zeroShot, labels)
	fmt.Printf("%.3f, gradient %.3f\n", value, grad.Row(0))
	// Output: 0.584, gradient [0.000 0.000]
}

func ExamplePenalty() {
	value, grad, _ := calib.Penalty(adapted, zeroShot, calib.DefaultLambda)
	fmt.Printf("%.3f, gradient %.3f\n", value, grad.Row(0))
	// Output: 56.667, gradient [1.667 -1.667]
}

func ExamplePenaltyLoss() {
	value, _, _ := calib.PenaltyLoss(zeroShot, zeroShot, labels, calib.DefaultLambda)
	ce, _, _ := calib.CrossEntropy(zeroShot, labels)
	fmt.Println(value == ce) // nothing leaves the range at initialisation
	// Output: true
}

func ExampleFromRows() {
	m, err := calib.FromRows([][]float64{{1, 2, 3}, {4, 5}})
	fmt.Println(m.N, err)
	// Output: 0 row 1 has 2 values, row 0 has 3
}

func ExampleScale() {
	half, _ := calib.Scale(adapted, 2)
	fmt.Println(half.Row(0))
	// Output: [15 5]
}

func ExampleArgMax() {
	fmt.Println(calib.ArgMax([]float64{1, 7, 7}))
	// Output: 1
}

// The gradient of any loss of the mapped logits is carried back to the logits.
func ExampleZSNormGrad() {
	mapped, _ := calib.ZSNorm(adapted, zeroShot)
	_, upstream, _ := calib.BrierLoss(mapped, labels)
	grad, err := calib.ZSNormGrad(adapted, zeroShot, upstream)
	fmt.Println(grad.N, grad.K, err)
	// Output: 3 2 <nil>
}

// The losses share one shape: value, gradient over the logits, error.
func Example_losses() {
	type loss struct {
		name string
		f    func() (float64, calib.Matrix, error)
	}
	for _, l := range []loss{
		{"cross-entropy", func() (float64, calib.Matrix, error) { return calib.CrossEntropy(zeroShot, labels) }},
		{"label smoothing", func() (float64, calib.Matrix, error) { return calib.LabelSmoothing(zeroShot, labels, 0.05) }},
		{"confidence penalty", func() (float64, calib.Matrix, error) { return calib.ECP(zeroShot, labels, 0.1) }},
		{"focal", func() (float64, calib.Matrix, error) { return calib.Focal(zeroShot, labels, 3) }},
		{"adaptive focal", func() (float64, calib.Matrix, error) { return calib.AdaptiveFocal(zeroShot, labels) }},
		{"MbLS", func() (float64, calib.Matrix, error) { return calib.MbLS(zeroShot, labels, 10, 0.1) }},
		{"LogitNorm", func() (float64, calib.Matrix, error) { return calib.LogitNorm(zeroShot, labels, 0.04) }},
		{"Brier", func() (float64, calib.Matrix, error) { return calib.BrierLoss(zeroShot, labels) }},
	} {
		value, grad, err := l.f()
		fmt.Printf("%s %.3f, %dx%d gradient, %v\n", l.name, value, grad.N, grad.K, err)
	}
	// Output:
	// cross-entropy 0.584, 3x2 gradient, <nil>
	// label smoothing 0.601, 3x2 gradient, <nil>
	// confidence penalty 0.559, 3x2 gradient, <nil>
	// focal 0.173, 3x2 gradient, <nil>
	// adaptive focal 0.173, 3x2 gradient, <nil>
	// MbLS 0.584, 3x2 gradient, <nil>
	// LogitNorm 0.575, 3x2 gradient, <nil>
	// Brier 0.414, 3x2 gradient, <nil>
}

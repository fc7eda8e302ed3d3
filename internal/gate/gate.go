// Package gate is where numbers are checked that a command reads or writes as
// logits, features, weights or probabilities: finite, in range of the type
// they are stored as, and plausible as what they are taken for. Every command
// asks here, so that none takes what another refuses.
package gate

import (
	"fmt"
	"math"

	"clipcalib/calib"
)

// The largest finite values of the types that numbers are stored as.
const (
	MaxFloat16  = 65504
	MaxBFloat16 = 0x1.FEp127
)

// Finite reports the first value that is NaN or infinite; width is the length
// of a row, or 0 for numbers without rows.
func Finite(what string, values []float32, width int) error {
	for i, v := range values {
		// v-v is 0 for every finite number and for no other.
		if v-v != 0 {
			return at(what, i, width, float64(v), "numbers must be finite")
		}
	}
	return nil
}

// Fits reports the first value beyond the largest one of the type that is to
// hold it, named for the message.
func Fits(what string, values []float32, width int, largest float64, dtype string) error {
	if err := Finite(what, values, width); err != nil {
		return err
	}
	for i, v := range values {
		if math.Abs(float64(v)) > largest {
			return at(what, i, width, float64(v), fmt.Sprintf("%s holds at most %g", dtype, largest))
		}
	}
	return nil
}

// Narrow converts to float32 and reports the first value that it cannot hold.
func Narrow(what string, dst []float32, src []float64, width, firstRow int) error {
	for i, v := range src {
		dst[i] = float32(v)
		if dst[i]-dst[i] != 0 {
			return at(what, firstRow*width+i, width, v, fmt.Sprintf("float32 holds at most %g", math.MaxFloat32))
		}
	}
	return nil
}

func at(what string, i, width int, v float64, why string) error {
	if width < 1 {
		return fmt.Errorf("%s: value %d is %v; %s", what, i, v, why)
	}
	return fmt.Errorf("%s: row %d, column %d is %v; %s", what, i/width, i%width, v, why)
}

// Form is what rows of numbers look like.
type Form int

// The forms that [Look] tells apart.
const (
	Logits        Form = iota // anything else
	Probabilities             // within 0 and 1, every row adds up to 1
	Percentages               // within 0 and 100, every row adds up to 100
	Cosines                   // within -1 and 1, every row: a similarity without CLIP's scale
)

// Look tells the form of rows. Of logits it reads little: the first row that
// is neither decides.
func Look(r calib.Rows) (Form, error) {
	n, k := r.Shape()
	if k < 2 || n < 1 {
		return Logits, nil
	}
	probabilities, percentages, cosines := true, true, true
	step := max(1, (1<<15)/k)
	buf := make([]float64, min(step, n)*k)
	for from := 0; from < n; from += step {
		block := buf[:min(step, n-from)*k]
		if err := r.ReadRows(block, from); err != nil {
			return Logits, err
		}
		for i := 0; i < len(block); i += k {
			least, most, sum := math.Inf(1), math.Inf(-1), 0.0
			for _, v := range block[i : i+k] {
				least, most, sum = min(least, v), max(most, v), sum+v
			}
			// Half-precision softmax sums to 1 within a few thousandths.
			probabilities = probabilities && least >= 0 && most <= 1.001 && math.Abs(sum-1) < 0.01
			percentages = percentages && least >= 0 && most <= 100.1 && math.Abs(sum-100) < 1
			cosines = cosines && least >= -1.0001 && most <= 1.0001
			if !probabilities && !percentages && !cosines {
				return Logits, nil
			}
		}
	}
	switch {
	case probabilities:
		return Probabilities, nil
	case percentages:
		return Percentages, nil
	}
	return Cosines, nil
}

// leastProbability is what a probability of 0 is taken for: the smallest
// positive float32, below any that a softmax in that type gives.
const leastProbability = 0x1p-149

// LogProbabilities shows probabilities as logits: their logarithms, whose
// softmax they are.
func LogProbabilities(r calib.Rows) calib.Rows {
	return calib.MapRows(r, func(_ int, row []float64) {
		for k, p := range row {
			row[k] = math.Log(max(p, leastProbability))
		}
	})
}

// CheckProbabilities reports the first row that holds none.
func CheckProbabilities(r calib.Rows) error {
	n, k := r.Shape()
	if k < 1 || n < 1 {
		return fmt.Errorf("probabilities of shape [%d, %d]", n, k)
	}
	return calib.EachRow(r, func(i int, row []float64) error {
		sum := 0.0
		for j, p := range row {
			if !(p >= 0 && p <= 1.001) {
				return fmt.Errorf("row %d, column %d is %v, not a probability", i, j, p)
			}
			sum += p
		}
		if !(math.Abs(sum-1) < 0.01) {
			return fmt.Errorf("the probabilities of row %d add up to %v, not 1", i, sum)
		}
		return nil
	})
}

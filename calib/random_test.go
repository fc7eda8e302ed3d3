package calib

import "math/rand/v2"

// randomCase returns logits of n samples and k classes, their zero-shot
// counterpart and labels.
func randomCase(rng *rand.Rand, n, k int) (logits, zeroShot Matrix, labels []int) {
	logits, zeroShot = NewMatrix(n, k), NewMatrix(n, k)
	labels = make([]int, n)
	for i := range logits.Data {
		zeroShot.Data[i] = 20 + 2*rng.NormFloat64()
		logits.Data[i] = zeroShot.Data[i] + 3*rng.NormFloat64()
	}
	for i := range labels {
		labels[i] = rng.IntN(k)
	}
	return logits, zeroShot, labels
}

package device

import "cmp"

// preferred is the default precision of GPUs by compute capability: the fastest
// whose accuracy and ECE on the demo agree with float32's to 0.05 points.
// scripts/gpu/gpu_check.sh demo measures both on a card and prints the line to add.
// What is not listed has not been measured, and gets float32.
var preferred = map[int]string{}

// DefaultPrecision is the precision of a GPU when none is asked for, by its
// compute capability as in [engine.GPU].
func DefaultPrecision(capability int) string { return cmp.Or(preferred[capability], "fp32") }

package testtime

import "clipcalib/calib"

// Result is what a run found on one target.
type Result struct {
	Dir      string // where the logits are
	Metrics  calib.Metrics
	ZeroShot calib.Metrics // of the starting prompt
	Resumed  int           // images that an interrupted run had done
	Reused   bool          // all was there already
}

func labelsOf(items []Item) []int {
	out := make([]int, len(items))
	for i, it := range items {
		out[i] = it.Label
	}
	return out
}

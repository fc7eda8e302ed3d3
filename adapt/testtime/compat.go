package testtime

import "clipcalib/adapt"

// Differences returns what [adapt.Compat] decides in test-time tuning, as
// [adapt.Differences] does for training.
func Differences() []adapt.Difference {
	return []adapt.Difference{
		{
			Topic:    "zero-shot reference of ZS-Norm and Penalty in test-time tuning",
			Textbook: "logits of the plain image under the starting prompt",
			CLIPCalib: "logits of the kept view of lowest entropy under the prompt being tuned, their minimum and maximum " +
				"not detached (detached for a remedy that has a graph form alone)",
		},
		{
			Topic: "ZS-Norm in C-TPT", Methods: []string{CTPT{}.Name()},
			Textbook:  "entropy of the mapped logits",
			CLIPCalib: "no effect: the mapped logits are computed and not used",
		},
	}
}

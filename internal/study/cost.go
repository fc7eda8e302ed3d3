package study

import "clipcalib/internal/recipe"

// seconds are what a run took with the shipped model and tasks, its evaluation
// counted: processor time on one Zen 4 core.
var seconds = map[string]float64{
	"zslp": 0.4, "clip-adapter": 0.5, "tip-adapter": 0.2, "tip-adapter-f": 0.5, "taskres": 0.4, "clap": 0.4,
	"coop": 1.3, "kgcoop": 0.6, "prograd": 1.2, "maple": 1.8, "cocoop": 5.6, "promptsrc": 9.9,
}

// secondsTuned is what a picture took under test-time tuning.
const secondsTuned = 0.036

// Seconds is about how long the step takes with the shipped model and tasks.
func (s Step) Seconds(images int) (sum float64) {
	for _, c := range s.Recipe.Cells() {
		if s.Recipe.Command == recipe.Tune {
			sum += secondsTuned * float64(images*len(s.Recipe.Targets()))
		} else {
			sum += seconds[c.Method]
		}
	}
	return sum + secondsTuned*float64(images*len(s.Choose))
}

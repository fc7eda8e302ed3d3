package adapt

import (
	"math"
	"strings"
	"testing"
)

func TestSelectGivesTheColumnsOfTheWholeModel(t *testing.T) {
	d, test := small(t)
	pick := []int{3, 0, 4}
	for _, m := range Methods() {
		a := mustTrain(t, m, None{}, d, Options{Epochs: 5, LR: 0.01})
		whole, err := a.Logits(test)
		if err != nil {
			t.Fatal(err)
		}
		s, err := a.Select(pick)
		if err != nil {
			t.Fatal(err)
		}
		part, err := s.Logits(test)
		if err != nil {
			t.Fatal(err)
		}
		for i := range part.Rows {
			for j, k := range pick {
				if math.Abs(float64(part.Row(i)[j]-whole.Row(i)[k])) > 1e-4 {
					t.Errorf("%s: sample %d, class %d: %g, whole model %g", m.Name(), i, k, part.Row(i)[j],
						whole.Row(i)[k])
				}
			}
		}
		if a.Classes() != 5 || s.Classes() != 3 {
			t.Errorf("%s: %d and %d classes", m.Name(), a.Classes(), s.Classes())
		}
	}
}

func TestSelectRefusesWhatIsNoClass(t *testing.T) {
	d, _ := small(t)
	a := mustTrain(t, ZeroShot{}, None{}, d, Options{})
	for want, idx := range map[string][]int{"class 5": {0, 5}, "class -1": {-1}, "twice": {1, 1}, "no classes": {}} {
		if _, err := a.Select(idx); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("select %v: error %v, want one with %q", idx, err, want)
		}
	}
}

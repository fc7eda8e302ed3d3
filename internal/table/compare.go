package table

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"clipcalib/calib"
)

// Compared are the metrics of a comparison.
var Compared = []Metric{
	{"accuracy", "accuracy", 100, 2},
	{"ece", "ECE", 100, 2},
	{"nll", "NLL", 1, 4},
	{"brier", "Brier", 1, 4},
	{"logit_range", "range", 1, 3},
}

// Comparison is two recipes on one target, paired by seed and by sample.
type Comparison struct {
	Target  string                      `json:"target"`
	Hash    string                      `json:"target_sha256"`
	Samples int                         `json:"samples"`
	Seeds   []string                    `json:"seeds"`
	A       map[string]Spread           `json:"a"` // by the keys of metrics.json, over the seeds
	B       map[string]Spread           `json:"b"`
	Diff    map[string]calib.Difference `json:"difference"` // b - a
}

// Recipe is the runs of one side: one recipe under several seeds.
type Recipe struct {
	Name        string // folder, for messages
	Fields      Fields
	evaluations []Evaluation
}

// ReadRecipe reads what is at or below dir as the runs of one recipe, and
// refuses what is of several.
func ReadRecipe(dir string, bins int) (Recipe, error) {
	r := Recipe{Name: dir}
	runs, err := Find(dir)
	if err != nil {
		return r, err
	}
	found, _, err := Read(runs, bins)
	if err != nil {
		return r, err
	}
	for _, e := range found {
		if e.Fields[fieldMethod] == ZeroShot && e.Fields[fieldRemedy] == "none" && e.Seed == "" {
			continue // the reference that runs share
		}
		if len(r.evaluations) == 0 {
			r.Fields = e.Fields
		}
		if e.Fields.key() != r.Fields.key() {
			return r, fmt.Errorf("%s holds runs of several recipes: %s and %s differ in %s", dir, r.evaluations[0].Run,
				e.Run, strings.Join(differing(r.Fields, e.Fields), ", "))
		}
		r.evaluations = append(r.evaluations, e)
	}
	if len(r.evaluations) == 0 {
		return r, fmt.Errorf("no evaluated run below %s (run clipcalib eval first)", dir)
	}
	return r, nil
}

func differing(a, b Fields) []string {
	all := map[string]bool{}
	for _, f := range []Fields{a, b} {
		for name := range f {
			all[name] = a[name] != b[name]
		}
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if all[name] {
			names = append(names, fmt.Sprintf("%s (%s, %s)", name, orNone(a[name]), orNone(b[name])))
		}
	}
	return names
}

func orNone(v string) string {
	if v == "" {
		return "none"
	}
	return v
}

// Compare pairs two recipes on every target that both were measured on. Notes
// name what has no partner. Targets of one name that hold other pictures, and
// runs of one seed on other samples, are an error that names both.
func Compare(a, b Recipe, opt calib.BootstrapOptions) (out []Comparison, notes []string, err error) {
	for _, x := range a.evaluations {
		for _, y := range b.evaluations {
			if x.Target.Name == y.Target.Name && x.Target.Hash != y.Target.Hash && !a.has(y.Target.Hash) &&
				!b.has(x.Target.Hash) {
				return nil, nil, fmt.Errorf("%s and %s were measured on other pictures of the name %s (SHA-256 %s and %s)",
					x.Run, y.Run, x.Target.Name, short(x.Target.Hash), short(y.Target.Hash))
			}
		}
	}
	for _, target := range targetsOf(a) {
		if !b.has(target.Hash) {
			notes = append(notes, fmt.Sprintf("target %s is in %s only", target.Name, a.Name))
			continue
		}
		c, said, err := compare(a, b, target, opt)
		if err != nil {
			return nil, nil, err
		}
		out, notes = append(out, c), append(notes, said...)
	}
	for _, target := range targetsOf(b) {
		if !a.has(target.Hash) {
			notes = append(notes, fmt.Sprintf("target %s is in %s only", target.Name, b.Name))
		}
	}
	if len(out) == 0 {
		return nil, nil, fmt.Errorf("%s and %s have no target in common: %s", a.Name, b.Name, strings.Join(notes, "; "))
	}
	return out, notes, nil
}

func compare(a, b Recipe, target Target, opt calib.BootstrapOptions) (c Comparison, notes []string, err error) {
	c = Comparison{Target: target.Name, Hash: target.Hash, Samples: target.Samples, A: map[string]Spread{},
		B: map[string]Spread{}}
	ofA, err := a.bySeed(target.Hash)
	if err != nil {
		return c, nil, err
	}
	ofB, err := b.bySeed(target.Hash)
	if err != nil {
		return c, nil, err
	}
	c.Seeds, notes = commonSeeds(a, b, ofA, ofB, target)
	if len(c.Seeds) == 0 {
		return c, nil, fmt.Errorf("%s and %s have no seed in common on %s", a.Name, b.Name, target.Name)
	}
	var predA, predB []calib.Predictions
	values := map[string][2][]float64{}
	for _, seed := range c.Seeds {
		x, y := ofA[seed], ofB[seed]
		if x.Data != y.Data {
			notes = append(notes, fmt.Sprintf("%s and %s learnt from other samples under seed %s", x.Run, y.Run, seed))
		}
		predA, predB = append(predA, x.Predictions), append(predB, y.Predictions)
		if first := ofA[c.Seeds[0]]; !slices.Equal(x.labels, y.labels) ||
			!slices.Equal(first.labels, x.labels) {
			return c, nil, fmt.Errorf("%s and %s have other labels on %s: they cannot be paired by sample", x.Run,
				y.Run, target.Name)
		}
		for _, m := range Compared {
			v := values[m.Key]
			values[m.Key] = [2][]float64{append(v[0], x.Values[m.Key]), append(v[1], y.Values[m.Key])}
		}
	}
	for key, v := range values {
		c.A[key], c.B[key] = SpreadOf(v[0]), SpreadOf(v[1])
	}
	all, err := calib.PairedBootstrapMean(predA, predB, opt)
	if err != nil {
		return c, nil, fmt.Errorf("%s and %s on %s: %w", a.Name, b.Name, target.Name, err)
	}
	c.Diff = map[string]calib.Difference{}
	for _, m := range Compared {
		c.Diff[m.Key] = all[m.Key]
	}
	return c, notes, nil
}

func commonSeeds(a, b Recipe, ofA, ofB map[string]Evaluation, target Target) (seeds, notes []string) {
	for seed := range ofA {
		if _, ok := ofB[seed]; ok {
			seeds = append(seeds, seed)
		} else {
			notes = append(notes, fmt.Sprintf("seed %s on %s is in %s only", seed, target.Name, a.Name))
		}
	}
	for seed := range ofB {
		if _, ok := ofA[seed]; !ok {
			notes = append(notes, fmt.Sprintf("seed %s on %s is in %s only", seed, target.Name, b.Name))
		}
	}
	slices.SortFunc(seeds, compareNatural)
	slices.Sort(notes)
	return seeds, notes
}

// bySeed are the evaluations on one target; two of one seed must agree.
func (r Recipe) bySeed(hash string) (map[string]Evaluation, error) {
	out := map[string]Evaluation{}
	for _, e := range r.evaluations {
		if e.Target.Hash != hash {
			continue
		}
		if other, ok := out[e.Seed]; ok && other.Metrics != e.Metrics {
			return nil, fmt.Errorf("%s and %s are of one recipe and seed %s on %s and differ: name one of them",
				other.Run, e.Run, e.Seed, e.Target.Name)
		}
		out[e.Seed] = e
	}
	return out, nil
}

func (r Recipe) has(hash string) bool {
	return slices.ContainsFunc(r.evaluations, func(e Evaluation) bool { return e.Target.Hash == hash })
}

func targetsOf(r Recipe) (out []Target) {
	for _, e := range r.evaluations {
		if !slices.ContainsFunc(out, func(t Target) bool { return t.Hash == e.Target.Hash }) {
			out = append(out, e.Target)
		}
	}
	return out
}

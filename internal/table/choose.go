package table

import (
	"fmt"
	"slices"
	"strings"

	"clipcalib/calib"
)

// The rules by which a remedy is chosen without the labels of what is measured.
const (
	// ByValidation takes the lowest error on the validation fold of the data that
	// the runs learnt from, among the rows that keep the accuracy there.
	ByValidation = "validation"
	// ByRange looks at a target's pictures without their labels: none where the
	// adapted logits are no wider than the zero-shot model's, else the row whose
	// range is nearest to it.
	ByRange = "range"
)

// AccuracyAllowance is what a remedy may cost in accuracy on the validation fold
// and still be chosen.
const AccuracyAllowance = 0.01

// RangeAllowance is how much wider than the zero-shot model's the logits without
// a remedy may be, on average, for none to be chosen.
const RangeAllowance = 0.1

// ChooseOptions say how to choose. The zero value is the lowest ECE on the
// validation fold.
type ChooseOptions struct {
	Rule      string   // "" is ByValidation
	Metric    string   // of ByValidation, a key of metrics.json that can be resampled; "" is ece
	Allowance *float64 // in accuracy or in range; nil is the rule's
	calib.BootstrapOptions
}

// Candidate is a row that could be chosen.
type Candidate struct {
	Remedy string `json:"remedy"`
	// Setting is what tells it from other rows of its remedy, "" for nothing.
	Setting string `json:"setting,omitempty"`
	// Score is what is least of the chosen: the metric, or the mean over samples of
	// |log(range / zero-shot range)|.
	Score    float64  `json:"score"`
	Accuracy *float64 `json:"accuracy,omitempty"` // on the fold
	Ratio    *float64 `json:"range_ratio,omitempty"`
	// Share of the bootstrap draws in which the rule chooses it.
	Share    float64 `json:"chosen_share"`
	Eligible bool    `json:"eligible"`
	Why      string  `json:"why_not,omitempty"`

	row *Group
}

// Choice is the remedy of one method with its settings, by one rule, on one fold
// or target.
type Choice struct {
	Method  string   `json:"method"`
	Setting string   `json:"setting,omitempty"`
	Rule    string   `json:"rule"`
	Metric  string   `json:"metric,omitempty"`
	On      string   `json:"on"` // the fold, or the target whose labels are not looked at
	Samples int      `json:"samples"`
	Seeds   []string `json:"seeds"`
	Chosen  string   `json:"chosen"`
	// ChosenSetting and RunnerUpSetting are those of the two candidates.
	ChosenSetting   string      `json:"chosen_setting,omitempty"`
	Share           float64     `json:"chosen_share"`
	RunnerUp        string      `json:"runner_up,omitempty"`
	RunnerUpSetting string      `json:"runner_up_setting,omitempty"`
	Margin          *Margin     `json:"margin,omitempty"`
	Candidates      []Candidate `json:"candidates"`
	// Outcomes are what the choice came to, by labels that it did not see.
	Outcomes []Outcome `json:"outcomes"`

	at int // the chosen candidate
}

// ChosenCandidate is the candidate that was chosen.
func (c Choice) ChosenCandidate() Candidate { return c.Candidates[c.at] }

// Margin is the runner-up's score less that of the chosen, with its bootstrap
// interval.
type Margin struct {
	Value float64 `json:"value"`
	calib.Interval
	Told bool `json:"told"` // the interval lies above zero
}

// Outcome is the ECE of a target's rows, over the choice's seeds.
type Outcome struct {
	Target string  `json:"target"`
	Source bool    `json:"source"`
	None   float64 `json:"none"`
	Chosen float64 `json:"chosen"`
	Best   float64 `json:"best"` // the lowest of the candidates'
	BestOf string  `json:"best_remedy"`
	// BestSetting is what tells that row from others of its remedy.
	BestSetting string `json:"best_setting,omitempty"`
}

// Regret is what the choice gave away against the best of the candidates.
func (o Outcome) Regret() float64 { return o.Chosen - o.Best }

// Choose chooses a remedy for every method and its settings that has rows with
// and without one; notes say what could not be chosen among, and why.
func (t *Table) Choose(o ChooseOptions) (all []Choice, notes []string, err error) {
	if o.Metric == "" {
		o.Metric = "ece"
	}
	o.Bins = t.Bins
	var choose func(family) ([]Choice, []string, error)
	switch o.Rule {
	case "", ByValidation:
		o.Rule = ByValidation
		allowance := orElse(o.Allowance, AccuracyAllowance)
		choose = func(f family) ([]Choice, []string, error) { return t.chooseOnFold(f, o, allowance) }
	case ByRange:
		allowance := orElse(o.Allowance, RangeAllowance)
		choose = func(f family) ([]Choice, []string, error) { return t.chooseByRange(f, o, allowance) }
	default:
		return nil, nil, fmt.Errorf("rule %q: choose %s or %s", o.Rule, ByValidation, ByRange)
	}
	for _, f := range t.families() {
		if f.none == nil || len(f.rows) < 2 {
			notes = append(notes, fmt.Sprintf("%s has no choice: it wants a row without a remedy and one with",
				t.Label(*f.rows[0])))
			continue
		}
		made, said, err := choose(f)
		if err != nil {
			return nil, nil, fmt.Errorf("choose for %s: %w", t.Label(*f.none), err)
		}
		for i := range made {
			made[i].Method, made[i].Setting = f.none.Fields[fieldMethod], t.Setting(*f.none)
			made[i].Outcomes = t.outcomes(made[i])
		}
		all, notes = append(all, made...), append(notes, said...)
	}
	return all, dedupe(notes), nil
}

func orElse(v *float64, other float64) float64 {
	if v == nil {
		return other
	}
	return *v
}

// family is the rows of a method and its settings.
type family struct {
	none *Group
	rows []*Group // none first
}

func (t *Table) families() (out []family) {
	at := map[string]int{}
	for i := range t.Groups {
		g := &t.Groups[i]
		key := g.Fields.without(fieldRemedy)
		if _, ok := at[key]; !ok {
			at[key] = len(out)
			out = append(out, family{})
		}
		f := &out[at[key]]
		if r := g.Fields[fieldRemedy]; f.none == nil && (r == "" || r == "none") {
			f.none, f.rows = g, slices.Insert(f.rows, 0, g)
			continue
		}
		f.rows = append(f.rows, g)
	}
	return out
}

// seedsOn are the seeds that a row was measured under on a target.
func (g Group) seedsOn(target string) (seeds []string) {
	for _, e := range g.Cells[target] {
		seeds = append(seeds, e.Seed)
	}
	return seeds
}

// under are the evaluations of a row on a target under those seeds, in their
// order; ok is false where one is missing.
func (g Group) under(target string, seeds []string) (out []Evaluation, ok bool) {
	for _, seed := range seeds {
		i := slices.IndexFunc(g.Cells[target], func(e Evaluation) bool { return e.Seed == seed })
		if i < 0 {
			return nil, false
		}
		out = append(out, g.Cells[target][i])
	}
	return out, len(out) > 0
}

func remedyOf(g *Group) string {
	if r := g.Fields[fieldRemedy]; r != "" {
		return r
	}
	return "none"
}

// candidate is a row that may be chosen.
func (t *Table) candidate(g *Group) Candidate {
	var parts []string
	for _, name := range t.Shown {
		if v := g.Fields[name]; v != "" && strings.HasPrefix(name, fieldRemedy+"_settings") {
			parts = append(parts, fieldTitle(name)+" "+t.fieldValue(name, v))
		}
	}
	return Candidate{Remedy: remedyOf(g), Setting: strings.Join(parts, ", "), Eligible: true, row: g}
}

// decide applies a rule to the rows as they are and to every draw: pick returns
// the index of the row that the rule takes of scores. It fills in what follows.
func (c *Choice) decide(scores []float64, drawn [][]float64, pick func(draw int) int) {
	chosen, draws := pick(-1), len(drawn[0])
	wins := make([]int, len(c.Candidates))
	for d := range draws {
		wins[pick(d)]++
	}
	for i, n := range wins {
		c.Candidates[i].Share = float64(n) / float64(draws)
	}
	c.at = chosen
	c.Chosen, c.ChosenSetting = c.Candidates[chosen].Remedy, c.Candidates[chosen].Setting
	c.Share = c.Candidates[chosen].Share
	second := -1
	for i, k := range c.Candidates {
		if i != chosen && k.Eligible && (second < 0 || scores[i] < scores[second]) {
			second = i
		}
	}
	if second < 0 {
		return
	}
	c.RunnerUp, c.RunnerUpSetting = c.Candidates[second].Remedy, c.Candidates[second].Setting
	differences := make([]float64, draws)
	for d := range draws {
		differences[d] = drawn[second][d] - drawn[chosen][d]
	}
	slices.Sort(differences)
	m := Margin{Value: scores[second] - scores[chosen]}
	m.Low, m.High = percentile(differences, (1-intervalLevel)/2), percentile(differences, (1+intervalLevel)/2)
	m.Told = m.Low > 0
	c.Margin = &m
}

// percentile interpolates between sorted values.
func percentile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	low := int(at)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (at-float64(low))*(sorted[high]-sorted[low])
}

// outcomes measures a choice on all targets that its candidates were measured on
// under its seeds.
func (t *Table) outcomes(c Choice) []Outcome {
	out := []Outcome{}
	folds := t.Folds()
	for _, target := range t.Targets {
		if slices.Contains(folds, target.Name) || c.Rule == ByRange && target.Name != c.On {
			continue
		}
		o := Outcome{Target: target.Name, Source: target.Source}
		for i, k := range c.Candidates {
			cell, ok := k.row.under(target.Name, c.Seeds)
			if !ok {
				if i == 0 || i == c.at { // nothing to compare
					o.BestOf = ""
					break
				}
				continue
			}
			ece := 0.0
			for _, e := range cell {
				ece += e.Metrics.ECE / float64(len(cell))
			}
			if i == 0 {
				o.None = ece
			}
			if i == c.at {
				o.Chosen = ece
			}
			if o.BestOf == "" || ece < o.Best {
				o.Best, o.BestOf, o.BestSetting = ece, k.Remedy, k.Setting
			}
		}
		if o.BestOf != "" {
			out = append(out, o)
		}
	}
	return out
}

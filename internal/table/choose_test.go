package table

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipcalib/calib"
)

// choosing are runs of three remedies of which temperatures are right, twice and
// four times too sure.
func choosing(t *testing.T) Table {
	t.Helper()
	dir := t.TempDir()
	var runs []string
	for seed := 1; seed <= 2; seed++ {
		for _, remedy := range []string{"none", "zs-norm", "penalty"} {
			run := filepath.Join(dir, fmt.Sprint(remedy, seed))
			madeRun{"taskres", remedy, 4, 0.1, seed, templates, []string{"home", "home#val", "sketch"},
				300}.writeAble(t, run,
				rand.New(rand.NewPCG(uint64(seed), 3)), 4)
			runs = append(runs, run)
		}
	}
	found, _, err := Read(runs, 10)
	if err != nil {
		t.Fatal(err)
	}
	for i := range found {
		e := &found[i]
		by := map[string]float64{"none": 4, "zs-norm": 1. / 8, "penalty": 2}[e.Fields["remedy"]]
		if e.Fields["method"] == ZeroShot {
			continue
		}
		for j := range e.logits.Data {
			e.logits.Data[j] *= by
		}
		if err := e.measure(e.logits, e.labels); err != nil {
			t.Fatal(err)
		}
	}
	return Make(found, 10)
}

func TestTheLowestECEOnTheFoldIsChosen(t *testing.T) {
	table := choosing(t)
	all, notes, err := table.Choose(ChooseOptions{BootstrapOptions: calib.BootstrapOptions{Draws: 200}})
	if err != nil || len(all) != 1 {
		t.Fatalf("%+v, %q, %v", all, notes, err)
	}
	if !strings.Contains(strings.Join(notes, "\n"), "Zero-shot has no choice") {
		t.Errorf("notes %q", notes)
	}
	c := all[0]
	if c.On != "home#val" || c.Samples != 300 || len(c.Seeds) != 2 || c.Candidates[0].Remedy != "none" ||
		len(c.Candidates) != 3 {
		t.Fatalf("%+v", c)
	}
	// By hand: the mean over the seeds of each row's ECE on the fold.
	best, lowest, second := "", math.Inf(1), math.Inf(1)
	share := 0.0
	for _, k := range c.Candidates {
		i := slices.IndexFunc(table.Groups, func(g Group) bool {
			return g.Fields["method"] == "taskres" && g.Fields["remedy"] == k.Remedy
		})
		want, _ := table.Groups[i].spread("home#val", "ece")
		if math.Abs(k.Score-want.Mean) > 1e-12 || !k.Eligible {
			t.Errorf("%+v, want %v", k, want)
		}
		if want.Mean < lowest {
			best, lowest, second = k.Remedy, want.Mean, lowest
		} else {
			second = min(second, want.Mean)
		}
		share += k.Share
	}
	if c.Chosen != best || math.Abs(c.Margin.Value-(second-lowest)) > 1e-12 || !(c.Margin.Low <= c.Margin.Value &&
		c.Margin.Value <= c.Margin.High) || c.Share < 0.9 || math.Abs(share-1) > 1e-9 {
		t.Errorf("%s with %+v in %v of the draws, want %s", c.Chosen, c.Margin, c.Share, best)
	}
	if len(c.Outcomes) != 2 || c.Outcomes[0].Target == "home#val" || c.Outcomes[0].Regret() < 0 {
		t.Errorf("%+v", c.Outcomes)
	}
}

func TestARemedyThatCostsAccuracyIsNotChosen(t *testing.T) {
	table := choosing(t)
	i := slices.IndexFunc(table.Groups, func(g Group) bool { return g.Fields["remedy"] == "penalty" })
	for seed := range table.Groups[i].Cells["home#val"] {
		e := &table.Groups[i].Cells["home#val"][seed]
		for row := range 60 { // the rows' order of classes is turned
			slices.Reverse(e.logits.Row(row))
		}
		if err := e.measure(e.logits, e.labels); err != nil {
			t.Fatal(err)
		}
	}
	all, _, err := table.Choose(ChooseOptions{BootstrapOptions: calib.BootstrapOptions{Draws: 50}})
	if err != nil {
		t.Fatal(err)
	}
	k := slices.IndexFunc(all[0].Candidates, func(k Candidate) bool { return k.Remedy == "penalty" })
	if c := all[0].Candidates[k]; c.Eligible || !strings.Contains(c.Why, "accuracy") || all[0].Chosen == "penalty" ||
		all[0].RunnerUp == "penalty" {
		t.Errorf("%+v", all[0])
	}
	all, _, err = table.Choose(ChooseOptions{Allowance: new(0.2), BootstrapOptions: calib.BootstrapOptions{Draws: 50}})
	if err != nil || !all[0].Candidates[k].Eligible {
		t.Errorf("%+v, %v", all, err)
	}
	if _, _, err := table.Choose(ChooseOptions{Metric: "accuracy"}); err == nil {
		t.Error("the accuracy is taken for an error")
	}
	if _, _, err := table.Choose(ChooseOptions{Rule: "luck"}); err == nil {
		t.Error("an unknown rule is taken")
	}
}

func TestTheRangeChoosesWithoutLabels(t *testing.T) {
	table := choosing(t)
	all, _, err := table.Choose(ChooseOptions{Rule: ByRange, BootstrapOptions: calib.BootstrapOptions{Draws: 50}})
	if err != nil || len(all) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	// None is about four times as wide as the zero-shot model, Penalty twice,
	// ZS-Norm an eighth.
	for _, c := range all {
		if c.Chosen != "penalty" || c.Share != 1 || !c.Margin.Told || c.RunnerUp != "none" || len(c.Outcomes) != 1 ||
			c.Outcomes[0].Target != c.On {
			t.Errorf("%+v", c)
		}
		if r := *c.Candidates[0].Ratio; r < 3 || r > 6 {
			t.Errorf("ratio %v", r)
		}
	}
	// Another order of the labels changes nothing.
	for i := range table.Groups {
		for _, cell := range table.Groups[i].Cells {
			for j := range cell {
				labels := slices.Clone(cell[j].labels)
				slices.Reverse(labels)
				if err := cell[j].measure(cell[j].logits, labels); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	again, _, err := table.Choose(ChooseOptions{Rule: ByRange, BootstrapOptions: calib.BootstrapOptions{Draws: 50}})
	if err != nil || again[0].Candidates[1].Score != all[0].Candidates[1].Score || again[0].Share != all[0].Share ||
		*again[1].Margin != *all[1].Margin {
		t.Errorf("labels decide: %+v, %v", again, err)
	}
	// With as much allowed, none.
	wide, _, err := table.Choose(ChooseOptions{Rule: ByRange, Allowance: new(9.0),
		BootstrapOptions: calib.BootstrapOptions{Draws: 50}})
	if err != nil || wide[0].Chosen != "none" {
		t.Errorf("%+v, %v", wide, err)
	}
}

// relaid is a table of its evaluations after a change to each.
func relaid(table Table, change func(e *Evaluation)) Table {
	var found []Evaluation
	for _, g := range table.Groups {
		for _, column := range table.Targets {
			for _, e := range g.Cells[column.Name] {
				e.Fields = maps.Clone(e.Fields)
				change(&e)
				found = append(found, e)
			}
		}
	}
	return Make(found, table.Bins)
}

// Two rows of one remedy are told apart by its settings, and the outcome is that of
// the one that was chosen.
func TestSettingsOfOneRemedyAreToldApart(t *testing.T) {
	table := relaid(choosing(t), func(e *Evaluation) {
		switch e.Fields["remedy"] {
		case "penalty": // the nearer of the two
			e.Fields["remedy_settings.lambda"] = "1"
		case "zs-norm":
			e.Fields["remedy"], e.Fields["remedy_settings.lambda"] = "penalty", "10"
		}
	})
	all, _, err := table.Choose(ChooseOptions{Rule: ByRange, BootstrapOptions: calib.BootstrapOptions{Draws: 50}})
	if err != nil || len(all) != 2 {
		t.Fatalf("%+v, %v", all, err)
	}
	i := slices.IndexFunc(table.Groups, func(g Group) bool { return g.Fields["remedy_settings.lambda"] == "1" })
	for _, c := range all {
		if c.Chosen != "penalty" || c.ChosenSetting != "lambda 1" || c.Candidates[0].Setting != "" ||
			c.Candidates[1].Setting == c.Candidates[2].Setting || c.ChosenCandidate().Setting != "lambda 1" {
			t.Errorf("%+v", c)
		}
		want, _ := table.Groups[i].spread(c.On, "ece")
		if o := c.Outcomes[0]; math.Abs(o.Chosen-want.Mean) > 1e-12 || o.BestOf == "penalty" && o.BestSetting == "" {
			t.Errorf("outcome %+v, want %v", o, want.Mean)
		}
	}
}

// An allowance of nothing is not the default of the rule: a row that is right less
// often than the one without a remedy is out.
func TestNoLossCanBeAskedFor(t *testing.T) {
	done := false
	table := relaid(choosing(t), func(e *Evaluation) {
		if done || e.Fields["remedy"] != "penalty" || e.Target.Name != "home#val" {
			return
		}
		done = true
		i := 0
		for calib.ArgMax(e.logits.Row(i)) != e.labels[i] {
			i++
		}
		row := e.logits.Row(i)
		row[e.labels[i]] = slices.Min(row) - 1
		if err := e.measure(e.logits, e.labels); err != nil {
			t.Fatal(err)
		}
	})
	for _, c := range []struct {
		allowance *float64
		eligible  bool
	}{{nil, true}, {new(0.0), false}} {
		all, _, err := table.Choose(ChooseOptions{Allowance: c.allowance,
			BootstrapOptions: calib.BootstrapOptions{Draws: 50}})
		if err != nil {
			t.Fatal(err)
		}
		k := slices.IndexFunc(all[0].Candidates, func(k Candidate) bool { return k.Remedy == "penalty" })
		if got := all[0].Candidates[k]; got.Eligible != c.eligible {
			t.Errorf("allowance %v: %+v", c.allowance, got)
		}
	}
}

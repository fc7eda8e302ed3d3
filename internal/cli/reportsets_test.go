package cli

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
)

// Sets of adapted prototypes in the report are those of the conformal command.
func TestReportHasSetsOfAdaptedPrototypes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name string, each int, seed uint64) string {
		return makeClusters(4, each, 8, 1.5, seed).write(t, filepath.Join(dir, name+".safetensors"))
	}
	train, fold, test := file("train", 4, 1), file("fold", 16, 2), file("test", 20, 3)
	run := filepath.Join(dir, "run")
	mustRun(t, "adapt", "zslp", "--features", train, "--epochs", "2", "--logit-scale", "20", "--out", run)
	mustRun(t, "eval", run, "--features", fold)
	mustRun(t, "eval", run, "--features", test)
	var sheet struct {
		Rows []struct {
			Method  string
			Targets []struct {
				Target  string
				Metrics map[string]struct{ Mean float64 }
			}
		}
		Notes []string
	}
	o := mustRun(t, "report", run, "--fold", "fold", "--sets", "lac,ss-text,full", "--coverage", "0.8", "--post-hoc",
		"temperature", "--format", "json")
	if err := json.Unmarshal([]byte(o.out), &sheet); err != nil {
		t.Fatal(err)
	}
	got := map[string]map[string]float64{}
	for _, r := range sheet.Rows {
		for _, c := range r.Targets {
			if c.Target == "test" && got[r.Method] == nil {
				got[r.Method] = map[string]float64{}
				for key, v := range c.Metrics {
					got[r.Method][key] = v.Mean
				}
			}
		}
	}
	for _, method := range []string{"ss-text", "full"} {
		var want struct {
			Scores []struct {
				MeanSize float64 `json:"mean_size"`
				Figures  struct {
					Coverage float64
					ClassGap float64 `json:"class_gap"`
				}
			}
		}
		o := mustRun(t, "conformal", "--method", method, "--features", test, "--labels", test+"#labels",
			"--cal-features", fold,
			"--text-features", train, "--logit-scale", "20", "--coverage", "0.8", "--score", "lac", "--json")
		if err := json.Unmarshal([]byte(o.out), &want); err != nil {
			t.Fatal(err)
		}
		key := "conformal_" + strings.ReplaceAll(method, "-", "_")
		w, g := want.Scores[0], got["zero-shot"]
		if g[key+"_coverage"] != w.Figures.Coverage || math.Abs(g[key+"_set_size"]-w.MeanSize) > 1e-12 ||
			math.Abs(g[key+"_class_gap"]-w.Figures.ClassGap) > 1e-12 {
			t.Errorf("%s: %v, want %+v", method, g, w)
		}
		if _, ok := got["zslp"][key+"_coverage"]; ok {
			t.Errorf("sets by %s of an adapter, which it does not adapt", method)
		}
	}
	if c := mustRun(t, "choose", run, "--fold", "fold", "--post-hoc", "temperature", "--draws",
		"50").out; !strings.Contains(c,
		"temperature") {
		t.Error(c)
	}
	// Over splits of what is measured, as conformal draws them.
	var doc conformalDocument
	o = mustRun(t, "conformal", "--logits", filepath.Join(run, "targets", "test", "logits.npy"), "--labels",
		filepath.Join(run, "targets", "test",
			"labels.npy"), "--score", "aps", "--splits", "30", "--coverage", "0.8", "--json")
	if err := json.Unmarshal([]byte(o.out), &doc); err != nil {
		t.Fatal(err)
	}
	o = mustRun(t, "report", run, "--fold", "fold", "--sets", "aps", "--coverage", "0.8", "--splits", "30", "--format",
		"csv")
	s := doc.Scores[0].Size
	want := fmt.Sprintf("conformal_aps_set_size,1,%v,0,1,%v,%v,splits", s.Median, s.Low, s.High)
	if !strings.Contains(o.out, want) || !strings.Contains(o.err, "drawn class by class 30 times") {
		t.Errorf("no %q in\n%s%s", want, o.out, o.err)
	}
	// The features must be those that were evaluated, and the fold not what was learnt.
	file("test", 20, 4)
	o = mustRun(t, "report", run, "--fold", "fold", "--sets", "full", "--coverage", "0.8", "--format", "csv")
	if !strings.Contains(o.err, "no longer hold the features of test") || strings.Contains(o.out, "conformal_full") {
		t.Errorf("other features: %s", o.err)
	}
	mustRun(t, "eval", run, "--features", train)
	fails(t, []string{"report", run, "--fold", "train"}, "--fold train", "learnt from")
	fails(t, []string{"report", run, "--fold", "nothing"}, "--fold nothing")
}

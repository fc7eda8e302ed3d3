package demo

import (
	"path/filepath"
	"testing"

	"clipcalib/adapt"
	"clipcalib/internal/clip"
	"clipcalib/internal/features"
	"clipcalib/internal/run"
	"clipcalib/internal/table"
	"clipcalib/weights"
)

// The drift warning of predict and serve, on the shipped model: it tells garments
// that are turned from those at home, where false alarms are rare, also under a
// remedy that fits the training pictures' own range (docs/RESULTS.md).
func TestTheDriftWarningTellsTurnedGarmentsFromHome(t *testing.T) {
	file, err := weights.OpenBytes(ModelName, Model())
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	c, err := file.CLIP(weights.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := clip.New(c, clip.Options{Batch: 128})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	task, err := FashionPack()
	if err != nil {
		t.Fatal(err)
	}
	turned, err := task.Domain("rotate-5")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	x := Experiment{
		Source: &features.Source{Model: m, Weights: "demo", Bank: filepath.Join(dir, "bank")},
		Out:    filepath.Join(dir, "runs"), Seeds: []uint64{1}, Shots: 16, Bins: 10,
		Methods:  []adapt.Method{adapt.TaskRes{}},
		Remedies: []adapt.Remedy{adapt.None{}, adapt.Penalty{}},
		Train:    adapt.Options{LogitScale: c.Config.Scale()},
	}
	domains := []*Domain{task.Source(), turned}
	if _, err := x.Task(t.Context(), task, domains); err != nil {
		t.Fatal(err)
	}
	for _, remedy := range []string{"none", "penalty"} {
		at := filepath.Join(x.Out, "fashion", "taskres-"+remedy+"-seed1")
		d, err := run.ReadDrift(at)
		if err != nil || d == nil || d.Fold == "" {
			t.Fatalf("%+v, %v", d, err)
		}
		said := map[string]float64{}
		for _, domain := range domains {
			ev, err := run.ReadEvaluation(filepath.Join(at, "targets", domain.Name))
			if err != nil {
				t.Fatal(err)
			}
			ratios, zeroShot := table.Ranges(ev.Logits), table.Ranges(ev.ZeroShot)
			for i := range ratios {
				ratios[i] = run.RangeRatio(ratios[i], zeroShot[i])
			}
			const size = 50
			for i := 0; i < len(ratios); i += size {
				// Every n-th picture, for the set is in some order.
				var batch []float64
				for j := i / size; j < len(ratios); j += len(ratios) / size {
					batch = append(batch, ratios[j])
				}
				if _, p := d.Batch(batch); p < run.Significance {
					said[domain.Name] += size / float64(len(ratios))
				}
			}
		}
		if home, far := said[task.Source().Name], said[turned.Name]; home > 0.1 || far < 0.5 {
			t.Errorf("%s: drift is said of %.2f of the batches at home and of %.2f of turned ones", remedy, home, far)
		}
	}
}

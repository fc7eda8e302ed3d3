package run

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"clipcalib/calib"
	"clipcalib/internal/docfile"
)

// Verdict is what [Verify] found of a run's folder.
type Verdict struct {
	Run         string   `json:"run"`
	Files       int      `json:"files"`       // that equal their manifests
	Evaluations int      `json:"evaluations"` // that are finished
	Faults      []string `json:"faults"`      // each names its file
	Unverified  []string `json:"unverified"`  // folders without a manifest, of older versions
	Unfinished  []string `json:"unfinished"`  // what has begun, and not ended
}

// OK reports whether nothing is wrong. What is not finished or cannot be
// verified is not wrong.
func (v Verdict) OK() bool { return len(v.Faults) == 0 }

func (v *Verdict) fault(err error) {
	if err != nil {
		v.Faults = append(v.Faults, err.Error())
	}
}

// Verify reads all of a run's folder: every file against its manifest, every
// figure of metrics.json against its logits, and what the files say of each
// other.
func Verify(dir string) Verdict {
	v := Verdict{Run: dir, Faults: []string{}, Unverified: []string{}, Unfinished: []string{}}
	sound := v.files(dir)
	var family struct {
		Family string `yaml:"family"`
		Method string `yaml:"method"`
		Remedy string `yaml:"remedy"`
	}
	err := docfile.ReadYAML(filepath.Join(dir, recipeFile), &family)
	switch {
	case err != nil && sound: // otherwise said already
		v.fault(err)
	case err == nil && (family.Method == "" || family.Remedy == ""):
		v.fault(&Damage{filepath.Join(dir, recipeFile), "it names no method and no remedy"})
	}
	parameters := ""
	if name, ok := parameterFiles[family.Family]; ok {
		if parameters, err = fileSHA256(filepath.Join(dir, name)); errors.Is(err, fs.ErrNotExist) && !hasManifest(dir) {
			v.Unfinished = append(v.Unfinished, dir)
		} else if err != nil && sound {
			v.fault(err)
		}
	}
	if sound && len(v.Unfinished) == 0 {
		_, err := readModel(dir)
		v.fault(err)
	}
	v.Unfinished = append(v.Unfinished, Unfinished(dir)...)
	entries, err := os.ReadDir(filepath.Join(dir, "targets"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		v.fault(err)
	}
	for _, e := range entries {
		if sub := filepath.Join(dir, "targets", e.Name()); e.IsDir() && !unfinished(sub) {
			v.evaluation(sub, owner{family.Method, parameters})
		}
	}
	return v
}

// files checks a folder's files against its manifest, and reports whether there
// is nothing to say against them.
func (v *Verdict) files(dir string) bool {
	m, err := readManifest(dir)
	if errors.Is(err, fs.ErrNotExist) {
		v.Unverified = append(v.Unverified, dir)
		return true
	}
	if err != nil {
		v.fault(err)
		return false
	}
	sound := true
	for _, s := range m.Files {
		if err := s.check(dir); err != nil {
			v.fault(err)
			sound = false
			continue
		}
		v.Files++
	}
	return sound
}

func (v *Verdict) evaluation(dir string, of owner) {
	if !v.files(dir) {
		return
	}
	ev, err := ReadEvaluation(dir)
	if err != nil {
		v.fault(err)
		return
	}
	v.fault(of.check(ev))
	var metrics, zeroShot calib.Metrics
	if err := readEvaluation(dir, &metrics, &zeroShot); err != nil {
		v.fault(err)
		return
	}
	bins := calib.Options{Bins: ev.Target.Bins, FineBins: ev.Target.FineBins}
	for _, of := range []struct {
		file   string
		logits calib.Matrix
		said   calib.Metrics
	}{{metricsFile, ev.Logits, metrics}, {zeroShotMetricsFile, ev.ZeroShot, zeroShot}} {
		path := filepath.Join(dir, of.file)
		got, err := calib.Evaluate(of.logits, ev.Labels, bins)
		if err != nil {
			v.fault(fmt.Errorf("%s: %w", path, err))
			continue
		}
		for _, figure := range []struct {
			key       string
			said, got float64
		}{
			{"accuracy", of.said.Accuracy, got.Accuracy}, {"ece", of.said.ECE, got.ECE}, {"nll", of.said.NLL, got.NLL},
			{"brier", of.said.Brier, got.Brier}, {"logit_range", of.said.LogitRange, got.LogitRange},
		} {
			if !(math.Abs(figure.said-figure.got) <= 1e-9*(1+math.Abs(figure.got))) {
				v.fault(&Damage{path, fmt.Sprintf("%s is %g where the logits give %g", figure.key, figure.said,
					figure.got)})
				break
			}
		}
	}
	v.Evaluations++
}

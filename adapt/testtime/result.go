package testtime

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"clipcalib/calib"
	"clipcalib/internal/atomicfile"
	"clipcalib/internal/docfile"
	"clipcalib/internal/npy"
)

// Result is what a run found on one target.
type Result struct {
	Dir      string // where the logits are
	Metrics  calib.Metrics
	ZeroShot calib.Metrics // of the starting prompt
	Resumed  int           // images that an interrupted run had done
	Reused   bool          // all was there already
}

func (r Result) in(name string) string { return filepath.Join(r.Dir, name) }

func (r *Result) measure(p *progress, o RunOptions) error {
	labels := labelsOf(o.Items)
	for _, m := range []struct {
		logits []float32
		into   *calib.Metrics
	}{{p.logits, &r.Metrics}, {p.zs, &r.ZeroShot}} {
		l, err := calib.FromFloat32(p.done(), p.classes, m.logits)
		if err == nil {
			*m.into, err = calib.Evaluate(l, labels, o.Bins)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// write puts the files in place, target.yaml last: it marks the end.
func (r Result) write(p *progress, o RunOptions, classes []string, rec recipe, done target) error {
	if err := os.Remove(r.in(targetFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	type class struct {
		Name    string   `json:"name"`
		Prompts []string `json:"prompts"`
	}
	list := make([]class, len(classes))
	for i, c := range classes {
		list[i] = class{c, []string{rec.Context + " " + c + "."}}
	}
	n, k := p.done(), p.classes
	if err := errors.Join(
		npy.WriteFile(r.in(logitsFile), p.logits, n, k),
		npy.WriteFile(r.in(zeroShotFile), p.zs, n, k),
		npy.WriteLabels(r.in(labelsFile), labelsOf(o.Items)),
		docfile.WriteJSON(r.in(classesFile), list),
		docfile.WriteJSON(r.in(metricsFile), r.Metrics),
		docfile.WriteJSON(r.in(zeroShotMetricsFile), r.ZeroShot),
		atomicfile.WriteBytes(r.in(logFile), []byte(strings.Join(rec.Choices, "\n")+"\n")),
	); err != nil {
		return err
	}
	return docfile.WriteYAML(r.in(targetFile), done)
}

// read takes the metrics of a target that is there already.
func (r *Result) read() error {
	for _, name := range []string{logitsFile, zeroShotFile, labelsFile} {
		if _, err := os.Stat(r.in(name)); err != nil {
			return err
		}
	}
	return errors.Join(docfile.ReadJSON(r.in(metricsFile), &r.Metrics), docfile.ReadJSON(r.in(zeroShotMetricsFile), &r.ZeroShot))
}

func labelsOf(items []Item) []int {
	out := make([]int, len(items))
	for i, it := range items {
		out[i] = it.Label
	}
	return out
}

package run

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"clipcalib/adapt"
	"clipcalib/calib"
	"clipcalib/internal/data"
	"clipcalib/internal/docfile"
	"clipcalib/internal/npy"
	"clipcalib/internal/regular"
)

func measure(l adapt.Matrix, labels []int, bins calib.Options) (calib.Metrics, error) {
	m, err := calib.FromFloat32(l.Rows, l.Cols, l.Data)
	if err != nil {
		return calib.Metrics{}, err
	}
	return calib.Evaluate(m, labels, bins)
}

// evaluation is what the folder of an evaluation holds, whatever the family.
type evaluation struct {
	logits, zeroShot         adapt.Matrix // [N, K]
	labels                   []int
	metrics, zeroShotMetrics calib.Metrics
	target                   any // of target.yaml
	facts                    Facts
	record                   *data.Record // of the rows; nil where pictures are not known
}

// writeEvaluation puts the files in place, and what more is to be written;
// target.yaml and then the manifest last: they mark the end.
func writeEvaluation(dir string, e evaluation, more ...func() error) error {
	in := func(name string) string { return filepath.Join(dir, name) }
	if err := unseal(dir); err != nil {
		return err
	}
	if err := os.Remove(in(targetFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	writes := append([]func() error{
		func() error { return npy.WriteFile(in(logitsFile), e.logits.Data, e.logits.Rows, e.logits.Cols) },
		func() error {
			return npy.WriteFile(in(zeroShotFile), e.zeroShot.Data, e.zeroShot.Rows, e.zeroShot.Cols)
		},
		func() error { return npy.WriteLabels(in(labelsFile), e.labels) },
		func() error { return WriteFacts(dir, e.metrics, e.facts, e.record) },
		func() error { return docfile.WriteJSON(in(zeroShotMetricsFile), e.zeroShotMetrics) },
	}, more...)
	for _, write := range append(writes, func() error { return docfile.WriteYAML(in(targetFile), e.target) }) {
		if err := write(); err != nil {
			return err
		}
	}
	return seal(dir)
}

// readEvaluation takes the metrics of an evaluation that is there already.
func readEvaluation(dir string, metrics, zeroShot *calib.Metrics) error {
	for _, name := range []string{logitsFile, zeroShotFile, labelsFile} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	if err := CheckFiles(dir); err != nil {
		return err
	}
	return errors.Join(
		docfile.ReadJSON(filepath.Join(dir, metricsFile), metrics),
		docfile.ReadJSON(filepath.Join(dir, zeroShotMetricsFile), zeroShot),
	)
}

func (r Result) write(logits, zs adapt.Matrix, labels []int, facts Facts, record *data.Record,
	more ...func() error) error {
	return writeEvaluation(r.Dir, evaluation{
		logits: logits, zeroShot: zs, labels: labels, metrics: r.Metrics, zeroShotMetrics: r.ZeroShot, target: r.Target,
		facts: facts, record: record,
	}, more...)
}

func (r *Result) read() error { return readEvaluation(r.Dir, &r.Metrics, &r.ZeroShot) }

// LogitsSHA256 is the hash of the file of an evaluation's logits, and
// ZeroShotSHA256 that of its zero-shot logits.
func LogitsSHA256(dir string) (string, error) { return fileSHA256(filepath.Join(dir, logitsFile)) }

// ZeroShotSHA256 is described with LogitsSHA256.
func ZeroShotSHA256(dir string) (string, error) { return fileSHA256(filepath.Join(dir, zeroShotFile)) }

func fileSHA256(path string) (string, error) {
	f, err := regular.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("hash %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

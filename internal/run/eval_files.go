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
)

func measure(l adapt.Matrix, labels []int, bins calib.Options) (calib.Metrics, error) {
	m, err := calib.FromFloat32(l.Rows, l.Cols, l.Data)
	if err != nil {
		return calib.Metrics{}, err
	}
	return calib.Evaluate(m, labels, bins)
}

// write puts the files in place, target.yaml last: it marks the end.
func (r Result) write(logits, zs adapt.Matrix, labels []int, facts Facts, record *data.Record) error {
	in := func(name string) string { return filepath.Join(r.Dir, name) }
	if err := os.Remove(in(targetFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, write := range []func() error{
		func() error { return npy.WriteFile(in(logitsFile), logits.Data, logits.Rows, logits.Cols) },
		func() error { return npy.WriteFile(in(zeroShotFile), zs.Data, zs.Rows, zs.Cols) },
		func() error { return npy.WriteLabels(in(labelsFile), labels) },
		func() error { return WriteFacts(r.Dir, r.Metrics, facts, record) },
		func() error { return docfile.WriteJSON(in(zeroShotMetricsFile), r.ZeroShot) },
		func() error { return docfile.WriteYAML(in(targetFile), r.Target) },
	} {
		if err := write(); err != nil {
			return err
		}
	}
	return nil
}

// read takes the metrics of an evaluation that is there already.
func (r *Result) read() error {
	for _, name := range []string{logitsFile, zeroShotFile, labelsFile} {
		if _, err := os.Stat(filepath.Join(r.Dir, name)); err != nil {
			return err
		}
	}
	return errors.Join(
		docfile.ReadJSON(filepath.Join(r.Dir, metricsFile), &r.Metrics),
		docfile.ReadJSON(filepath.Join(r.Dir, zeroShotMetricsFile), &r.ZeroShot),
	)
}

func fileSHA256(path string) (string, error) {
	f, err := os.Open(path)
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

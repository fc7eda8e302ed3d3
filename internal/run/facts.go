package run

import (
	"context"
	"path/filepath"
	"reflect"

	"clipcalib/calib"
	"clipcalib/internal/data"
	"clipcalib/internal/docfile"
)

// Facts say what the figures of a metrics file are of. They stand beside them.
type Facts struct {
	Target    string       `json:"target"`
	Samples   int          `json:"samples"`
	Classes   int          `json:"classes"`
	Bins      int          `json:"bins"`
	FineBins  int          `json:"fine_bins"`
	Templates []string     `json:"template,omitempty"`
	Skipped   data.Skipped `json:"skipped"`
	// ContentsSHA256 is of the pictures whatever their order and names.
	ContentsSHA256 string   `json:"contents_sha256,omitempty"`
	Doubts         []string `json:"doubts,omitempty"` // what may be wrong with the set or its figures
}

// The bins where none are asked for, as package calib has them.
const (
	defaultBins     = 10
	defaultFineBins = 15
)

// NewFacts are the facts of a measurement; record is nil where no pictures are
// known.
func NewFacts(target string, samples, classes int, bins calib.Options, templates []string, record *data.Record) Facts {
	f := Facts{Target: target, Samples: samples, Classes: classes, Bins: bins.Bins, FineBins: bins.FineBins,
		Templates: templates}
	if f.Bins == 0 {
		f.Bins = defaultBins
	}
	if f.FineBins == 0 {
		f.FineBins = defaultFineBins
	}
	if record != nil {
		f.Skipped, f.Doubts, f.ContentsSHA256 = record.Account.Skipped(), record.Doubts, record.ContentsSHA256
	}
	return f
}

// Measured is the content of metrics.json.
type Measured struct {
	calib.Metrics
	Facts
}

// ReadFacts reads what the figures in an evaluation's folder are of.
func ReadFacts(dir string) (Facts, error) {
	var m Measured
	err := docfile.ReadJSON(filepath.Join(dir, metricsFile), &m)
	return m.Facts, err
}

// KeepFacts is [WriteFacts] for logits that were there already: what is the same
// is not written again.
func KeepFacts(dir string, m calib.Metrics, f Facts, record *data.Record) error {
	if hasFacts(dir, f, record) {
		return nil
	}
	release, err := hold(context.Background(), dir, nil)
	if err != nil {
		return err
	}
	defer release()
	return keepFacts(dir, m, f, record)
}

// keepFacts is KeepFacts in a folder that is held.
func keepFacts(dir string, m calib.Metrics, f Facts, record *data.Record) error {
	if hasFacts(dir, f, record) {
		return nil
	}
	if err := unseal(dir); err != nil {
		return err
	}
	if err := WriteFacts(dir, m, f, record); err != nil {
		return err
	}
	return seal(dir)
}

// hasFacts reports whether a finished folder says all that already.
func hasFacts(dir string, f Facts, record *data.Record) bool {
	var old Measured
	return docfile.ReadJSON(filepath.Join(dir, metricsFile), &old) == nil && reflect.DeepEqual(old.Facts, f) &&
		(record == nil || record.In(dir)) && hasManifest(dir)
}

// WriteFacts writes, beside the logits of a target, what its rows are and what
// was left out (where pictures are known), and metrics.json.
func WriteFacts(dir string, m calib.Metrics, f Facts, record *data.Record) error {
	if record != nil {
		if err := record.Write(dir); err != nil {
			return err
		}
	}
	return docfile.WriteJSON(filepath.Join(dir, metricsFile), Measured{m, f})
}

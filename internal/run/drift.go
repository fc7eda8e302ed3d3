package run

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"clipcalib/adapt"
	"clipcalib/internal/docfile"
)

// driftFile holds the statistics by which drift is told: in a run's folder those
// of its training pictures, in that of an evaluation on a validation fold those of
// the fold.
const driftFile = "drift.json"

// DriftVersion is the version of drift.json that this program writes; it reads
// those up to it.
const DriftVersion = 2

// The rows of features that the statistics are of, at most; prompts may have to
// go through both towers for every one.
const (
	maxDriftRows       = 20000
	maxPromptDriftRows = 2000
)

// Drift is the statistics of pictures by which drift is told, drift.json:
// quantiles of the range ratio, that of a picture's adapted logits, before a
// remedy of inference, over that of its zero-shot logits.
type Drift struct {
	Version  int       `json:"version"`
	Pictures int       `json:"pictures"` // not counting views
	Rows     int       `json:"rows"`     // features they are computed of, views included
	Levels   []float64 `json:"levels"`   // of the quantiles
	Ratios   []float64 `json:"range_ratio"`

	// Fold is the name of the evaluation on a validation fold that the statistics
	// are of; "" means the training pictures.
	Fold string `json:"-"`
}

// driftLevels are the quantiles kept: every per cent. Version 1 had fewer.
var (
	driftLevels  = percents()
	driftLevels1 = []float64{0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1}
)

func percents() []float64 {
	levels := make([]float64, 101)
	for i := range levels {
		levels[i] = float64(i) / 100
	}
	return levels
}

// Lower and Upper bound the ratios of pictures that do not drift: the 1 and
// the 99 % quantile.
func (d Drift) Lower() float64 { return d.Ratios[1] }

// Upper is the bound above.
func (d Drift) Upper() float64 { return d.Ratios[len(d.Ratios)-2] }

// Outside is the share of pictures expected beyond the bounds where nothing
// drifts: 2 %, or what two extremes of few pictures leave outside.
func (d Drift) Outside() float64 { return max(0.02, 2/float64(d.Pictures+1)) }

// RangeRatio is the range of adapted logits over that of zero-shot logits; of
// two that are 0, as with one class, it is 1.
func RangeRatio(adapted, zeroShot float64) float64 {
	if adapted == zeroShot {
		return 1
	}
	const least = 1e-6 // far below any range of two classes
	return adapted / max(zeroShot, least)
}

// LogitRange is the difference of the greatest and the least of logits.
func LogitRange(row []float32) float64 {
	return float64(slices.Max(row)) - float64(slices.Min(row))
}

// driftOf computes the statistics of logits [rows, K].
func driftOf(adapted, zeroShot adapt.Matrix, pictures int) (*Drift, error) {
	ratios := make([]float64, adapted.Rows)
	for i := range ratios {
		ratios[i] = RangeRatio(LogitRange(adapted.Row(i)), LogitRange(zeroShot.Row(i)))
		if math.IsNaN(ratios[i]) || math.IsInf(ratios[i], 0) {
			return nil, fmt.Errorf("statistics of range ratios: the logits of row %d are not finite", i)
		}
	}
	slices.Sort(ratios)
	d := &Drift{Version: DriftVersion, Pictures: pictures, Rows: len(ratios), Levels: driftLevels}
	for _, q := range driftLevels {
		d.Ratios = append(d.Ratios, quantile(ratios, q))
	}
	return d, nil
}

// quantile interpolates between the order statistics of sorted values, as
// NumPy does by default.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// adapterDrift is the drift of an adapter's training set, of its first views
// where there are many.
func adapterDrift(ctx context.Context, a *adapt.Adapter, d adapt.Data) (*Drift, error) {
	const piece = 4096
	n := min(d.Features.Rows, maxDriftRows)
	adapted, zeroShot := adapt.Matrix{Cols: a.Classes()}, adapt.Matrix{Cols: a.Classes()}
	for from := 0; from < n; from += piece {
		rows := min(piece, n-from)
		part := adapt.Matrix{Rows: rows, Cols: d.Features.Cols,
			Data: d.Features.Data[from*d.Features.Cols : (from+rows)*d.Features.Cols]}
		raw, err := a.RawLogits(ctx, part)
		if err != nil {
			return nil, err
		}
		zs, err := a.ZeroShotLogits(ctx, part)
		if err != nil {
			return nil, err
		}
		adapted.Rows, adapted.Data = adapted.Rows+rows, append(adapted.Data, raw.Data...)
		zeroShot.Rows, zeroShot.Data = zeroShot.Rows+rows, append(zeroShot.Data, zs.Data...)
	}
	return driftOf(adapted, zeroShot, min(n, d.Features.Rows/max(d.Views, 1)))
}

// ReadDrift reads the statistics by which a run tells drift: those of its
// validation fold, where it was evaluated there, for the run did not learn from
// that; else those of its training pictures; nil for a run without.
func ReadDrift(dir string) (*Drift, error) {
	d, err := readDrift(dir)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", dir, err)
	}
	return d, nil
}

func readDrift(dir string) (*Drift, error) {
	// Of several folds none is to be preferred.
	if fold, err := ValidationFolder(dir); err == nil && fold != "" {
		d, err := driftIn(fold)
		if err != nil {
			return nil, err
		}
		if d != nil {
			d.Fold = filepath.Base(fold)
			return d, nil
		}
	}
	return driftIn(dir)
}

func driftIn(dir string) (*Drift, error) {
	if err := CheckFiles(dir, driftFile); err != nil {
		return nil, err
	}
	var d Drift
	err := docfile.ReadJSON(filepath.Join(dir, driftFile), &d)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = d.check()
	}
	return &d, err
}

func (d Drift) check() error {
	levels := driftLevels
	if d.Version == 1 {
		levels = driftLevels1
	}
	switch {
	case d.Version > DriftVersion:
		return fmt.Errorf("%s is of version %d, this program knows those up to %d: use a newer one",
			driftFile, d.Version, DriftVersion)
	case d.Version < 1 || d.Pictures < 1 || !slices.Equal(d.Levels, levels) || len(d.Ratios) != len(d.Levels) ||
		!slices.IsSorted(d.Ratios):
		return fmt.Errorf("%s is damaged: remove it, and drift is not known", driftFile)
	}
	return nil
}

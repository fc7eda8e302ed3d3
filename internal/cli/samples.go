package cli

import (
	"errors"
	"io/fs"
	"path/filepath"

	"clipcalib/calib"
	"clipcalib/internal/data"
	"clipcalib/internal/gate"
	"clipcalib/internal/logitfile"
	"clipcalib/internal/run"
)

// picturesOf are the SHA-256 of the pictures that n rows of logits are of, where they
// lie in the folder of an evaluation that has them; nil elsewhere.
func picturesOf(logits string, n int) ([]string, error) {
	file, err := run.FileOf(logitfile.Path(logits))
	if err != nil || file == nil {
		return nil, err
	}
	sums, err := data.ReadRowHashes(filepath.Join(filepath.Dir(file.Path), data.RowsFile))
	switch {
	case errors.Is(err, fs.ErrNotExist): // features have no list of pictures
		return nil, nil
	case err != nil || len(sums) != n:
		return nil, err
	}
	return sums, nil
}

// samplesOf is what the rows of logits are known by.
func samplesOf(logits string, rows calib.Rows) (s gate.Samples, err error) {
	n, _ := rows.Shape()
	if s.Pictures, err = picturesOf(logits, n); err != nil {
		return s, err
	}
	s.Rows, err = gate.SketchOf(rows)
	return s, err
}

// keepSamples notes in a fold what its samples are known by; part are those of all the
// file's rows that were fitted on, nil for all.
func keepSamples(f *calib.Fold, rows calib.Rows, part []int, all int) error {
	n, _ := rows.Shape()
	if part == nil {
		all = n
	}
	pictures, err := picturesOf(f.Logits, all)
	if err != nil {
		return err
	}
	for i := range n {
		switch {
		case pictures == nil:
		case part == nil:
			f.Pictures = append(f.Pictures, pictures[i])
		default:
			f.Pictures = append(f.Pictures, pictures[part[i]])
		}
	}
	sketch, err := gate.SketchOf(rows)
	f.RowSketch = sketch.Saved()
	return err
}

// fittedOn counts the samples of logits that a calibrator was fitted on.
func fittedOn(f calib.Fold, logits string, rows calib.Rows) (gate.Common, error) {
	fold, err := gate.SamplesOf(f)
	if err != nil {
		return gate.Common{}, err
	}
	measured, err := samplesOf(logits, rows)
	return fold.Common(measured), err
}

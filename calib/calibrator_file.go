package calib

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

const (
	calibratorFormat = "clipcalib calibrator"
	calibratorLimit  = 1 << 30 // bytes read at most
)

// Fold says which samples a calibrator was fitted on.
type Fold struct {
	Logits       string `json:"logits"` // the file's name, for people
	LogitsSHA256 string `json:"logits_sha256,omitempty"`
	// DataSHA256 is the hash of the list of pictures, labels and classes that the
	// logits are of, where they are an evaluation of a run.
	DataSHA256 string `json:"data_sha256,omitempty"`
	// Classes are those of the fold's samples, where they are an evaluation of a
	// run: what is fitted for single classes is for these, in these columns.
	Classes []FoldClass `json:"class_list,omitempty"`
	Labels  string      `json:"labels,omitempty"`
	Rows    string      `json:"rows,omitempty"` // which rows, where not all
	// Pictures are the SHA-256 of the samples' pictures, where the logits are an
	// evaluation of a run that has them.
	Pictures []string `json:"pictures,omitempty"`
	// RowSketch tells samples again by their logits; nil is not known.
	RowSketch *FoldRows `json:"row_sketch,omitempty"`
	CalibratorFit
}

// FoldRows are a few numbers of every row of a [Fold]'s logits: the range, and columns
// at equal distances.
type FoldRows struct {
	Classes int    `json:"classes"`
	Width   int    `json:"width"`  // numbers of a row
	Values  []byte `json:"values"` // float32 [samples, Width], little endian
	// SlackAbs, and SlackRel times a number's size, is how far the numbers may lie
	// from those of the same samples elsewhere, by how coarsely they were written.
	SlackAbs float64 `json:"slack_abs"`
	SlackRel float64 `json:"slack_rel"`
}

// FoldClass is a class of a [Fold]: its column, its name and the folder or id that
// it has in its set, "" where that is the name.
type FoldClass struct {
	Label  int    `json:"label"`
	Name   string `json:"name"`
	Folder string `json:"folder,omitempty"`
}

// SavedCalibrator is a calibrator and the fold it was fitted on.
type SavedCalibrator struct {
	Calibrator Calibrator `json:"calibrator"`
	Fold       Fold       `json:"fold"`
}

// calibratorFile is the form on disk. The checksum is of the JSON of the saved
// calibrator.
type calibratorFile struct {
	Format  string          `json:"format"`
	Version int             `json:"version"`
	SHA256  string          `json:"sha256"`
	Saved   json.RawMessage `json:"saved"`
}

// SaveCalibrator writes a calibrator as JSON with a checksum.
func SaveCalibrator(w io.Writer, s SavedCalibrator) error {
	if err := s.Calibrator.Check(); err != nil {
		return err
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(raw)
	out, err := json.Marshal(calibratorFile{calibratorFormat, 1, hex.EncodeToString(sum[:]), raw})
	if err != nil {
		return err
	}
	_, err = w.Write(append(out, '\n'))
	return err
}

// LoadCalibrator reads what [SaveCalibrator] wrote and refuses anything that
// is damaged.
func LoadCalibrator(r io.Reader) (SavedCalibrator, error) {
	var s SavedCalibrator
	raw, err := io.ReadAll(io.LimitReader(r, calibratorLimit+1))
	if err != nil {
		return s, err
	}
	if len(raw) > calibratorLimit {
		return s, fmt.Errorf("a calibrator of more than %d bytes", calibratorLimit)
	}
	var f calibratorFile
	if err := json.Unmarshal(raw, &f); err != nil || f.Format != calibratorFormat {
		return s, errors.New("not a calibrator that clipcalib calibrate --save-calibrator wrote")
	}
	if f.Version != 1 {
		return s, fmt.Errorf("calibrator of version %d; this program knows version 1", f.Version)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, f.Saved); err != nil {
		return s, err
	}
	if sum := sha256.Sum256(compact.Bytes()); hex.EncodeToString(sum[:]) != f.SHA256 {
		return s, errors.New("the calibrator's checksum does not fit its content: the file was changed or damaged")
	}
	if err := json.Unmarshal(f.Saved, &s); err != nil {
		return s, err
	}
	return s, s.Calibrator.Check()
}

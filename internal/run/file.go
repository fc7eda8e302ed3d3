package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// File is a file of logits or labels in the folder of an evaluation.
type File struct {
	Path   string
	Target Target

	name string
}

// FileOf is a path's [File], nil where no evaluation has written it: only a file
// of such a name beside a target.yaml is one.
func FileOf(path string) (*File, error) {
	name := filepath.Base(path)
	if !slices.Contains([]string{logitsFile, zeroShotFile, labelsFile}, name) {
		return nil, nil
	}
	dir := filepath.Dir(path)
	if _, err := os.Stat(filepath.Join(dir, targetFile)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	t, err := ReadTarget(dir)
	if err != nil {
		return nil, fmt.Errorf("%s is of an evaluation that cannot be read: %w", path, err)
	}
	return &File{Path: path, Target: t, name: name}, nil
}

// SameSamples refuses two files that are not of the same pictures, in one order,
// under the same classes. What is nil is no evaluation's and cannot be told.
func (f *File) SameSamples(other *File) error {
	if f == nil || other == nil {
		return nil
	}
	a, b := f.Target, other.Target
	switch {
	case a.Inputs.DataHash() != b.Inputs.DataHash():
		return fmt.Errorf("%s and %s are of different targets: %s and %s", f.Path, other.Path, a.data(), b.data())
	case !slices.Equal(a.Classes, b.Classes), a.Samples != b.Samples:
		return fmt.Errorf("%s and %s are of different parts of a target: %d samples and %d classes, and %d and %d",
			f.Path, other.Path, a.Samples, a.NumberOfClasses, b.Samples, b.NumberOfClasses)
	}
	return nil
}

// SameClassifier refuses two files of logits that are not of one classifier, or
// whose classes differ or stand in another order.
func (f *File) SameClassifier(other *File) error {
	if f == nil || other == nil {
		return nil
	}
	a, b := f.Target, other.Target
	differ := func(format string, args ...any) error {
		return fmt.Errorf("%s and %s are not of one classifier: %s", f.Path, other.Path, fmt.Sprintf(format, args...))
	}
	switch {
	case f.name != other.name:
		return differ("one holds adapted logits, the other zero-shot ones")
	case !slices.Equal(a.Classes, b.Classes), a.NumberOfClasses != b.NumberOfClasses,
		a.ClassNamesSHA256 != "" && b.ClassNamesSHA256 != "" && a.ClassNamesSHA256 != b.ClassNamesSHA256:
		return differ("they have other classes, or the same in another order")
	case a.Inputs.WeightsSHA256 != b.Inputs.WeightsSHA256:
		return differ("their weights have SHA-256 %.12s and %.12s", a.Inputs.WeightsSHA256, b.Inputs.WeightsSHA256)
	case f.name == zeroShotFile && !slices.Equal(a.Inputs.Templates, b.Inputs.Templates):
		return differ("their prompts are %q and %q", a.Inputs.Templates, b.Inputs.Templates)
	case f.name == logitsFile && (a.Method != b.Method || a.Remedy != b.Remedy):
		return differ("%s with remedy %s, and %s with remedy %s", a.Method, a.Remedy, b.Method, b.Remedy)
	case f.name == logitsFile && a.ParametersSHA256 != b.ParametersSHA256:
		return differ("their parameters have SHA-256 %.12s and %.12s", a.ParametersSHA256, b.ParametersSHA256)
	}
	return nil
}

// ReferenceOf refuses what is no zero-shot reference of those logits.
func (f *File) ReferenceOf(logits *File) error {
	if f != nil && f.name == logitsFile {
		return fmt.Errorf("%s holds adapted logits, not zero-shot ones: %s beside it does", f.Path, zeroShotFile)
	}
	if err := f.SameSamples(logits); err != nil || f == nil || logits == nil {
		return err
	}
	if a, b := f.Target.Inputs.WeightsSHA256, logits.Target.Inputs.WeightsSHA256; a != b {
		return fmt.Errorf("%s and %s are of different weights, SHA-256 %.12s and %.12s", f.Path, logits.Path, a, b)
	}
	return nil
}

// data names a target's data for a message.
func (t Target) data() string {
	if t.Inputs.Data != "" {
		return fmt.Sprintf("%s (%s)", t.Inputs.Data, ShortHash(t.Inputs.DataHash()))
	}
	return fmt.Sprintf("features %s", ShortHash(t.Inputs.DataHash()))
}

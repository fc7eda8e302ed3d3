package cli

import (
	"fmt"

	"clipcalib/internal/logitfile"
	"clipcalib/internal/run"
)

// fileSet is the logits and labels of a command, of which some may be files of
// evaluations: those say what they are of, and must fit each other.
type fileSet struct {
	logits, labels, zeroShot string
	foldFlags                [2]string // for logits and labels of the fold
	foldLogits, foldLabels   string
}

// check refuses files of evaluations that do not belong together; of others
// nothing is known.
func (s fileSet) check() error {
	type given struct {
		flag string
		file *run.File
	}
	var err error
	open := func(flag, spec string) given {
		if err != nil || spec == "" {
			return given{flag, nil}
		}
		var f *run.File
		if f, err = run.FileOf(logitfile.Path(spec)); err != nil {
			err = fmt.Errorf("%s: %w", flag, err)
		}
		return given{flag, f}
	}
	logits, labels := open("--logits", s.logits), open("--labels", s.labels)
	zeroShot := open("--zero-shot", s.zeroShot)
	fold, foldLabels := open(s.foldFlags[0], s.foldLogits), open(s.foldFlags[1], s.foldLabels)
	if err != nil {
		return err
	}
	for _, c := range []struct {
		a, b  given
		check func(a, b *run.File) error
	}{
		{labels, logits, (*run.File).SameSamples},
		{zeroShot, logits, (*run.File).ReferenceOf},
		{foldLabels, fold, (*run.File).SameSamples},
		{fold, logits, (*run.File).SameClassifier},
	} {
		if err := c.check(c.a.file, c.b.file); err != nil {
			return fmt.Errorf("%s and %s: %w; give files of evaluations that belong together", c.a.flag, c.b.flag, err)
		}
	}
	return nil
}

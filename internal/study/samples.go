package study

import (
	"fmt"

	"clipcalib/internal/data"
	"clipcalib/internal/run"
)

// samples are what an evaluation is of.
type samples struct {
	dir            string
	n              int
	list, contents string // hashes; "" where they are not known
}

// place is where rows are compared with each other.
type place struct{ task, family, spec string }

// sampleBook holds every evaluation of a place to the first one there: means and
// differences are over one list of samples, or are none.
type sampleBook map[place]samples

// Whole refuses an evaluation that lacks pictures of its data set.
func Whole(dir string, t run.Target) error {
	_, err := whole(dir, t)
	return err
}

func whole(dir string, t run.Target) (run.Facts, error) {
	facts, err := run.ReadFacts(dir)
	if n := facts.Skipped.Unreadable; err == nil && n > 0 {
		err = fmt.Errorf("%s is of %d samples, and %s has %d: %d pictures could not be read%s. Rows of other samples "+
			"are not compared: mend the pictures or take them out, and remove that folder", dir, t.Samples,
			t.Inputs.Data,
			t.Samples+n, n, unreadable(facts))
	}
	return facts, err
}

// take refuses an evaluation that lacks pictures of its data set, or that is of
// other samples than the rows that it is compared with.
func (b sampleBook) take(k Key, e run.Evaluation) error {
	facts, err := whole(e.Dir, e.Target)
	if err != nil {
		return err
	}
	spec := e.Target.Inputs.Data
	own := samples{e.Dir, len(e.Labels), e.Target.Inputs.DataHash(), facts.ContentsSHA256}
	first, ok := b[place{k.Task, k.Family, spec}]
	if !ok {
		b[place{k.Task, k.Family, spec}] = own
		return nil
	}
	how := ""
	switch {
	case own.n != first.n:
	case own.list != first.list:
		how = ", from other lists of pictures"
	case own.contents != "" && first.contents != "" && own.contents != first.contents:
		how = ", whose pictures hold something else"
	default:
		return nil
	}
	return fmt.Errorf("%s is of %d samples of %s, and %s of %d%s: rows are compared on the same samples alone; remove "+
		"the older of the two and run the study again", own.dir, own.n, spec, first.dir, first.n, how)
}

// unreadable names one of the files.
func unreadable(f run.Facts) string {
	for _, r := range f.Skipped.Reasons {
		if r.Kind == data.KindUnreadable && len(r.Examples) > 0 {
			return fmt.Sprintf(" (%s: %s)", r.Examples[0], r.Reason)
		}
	}
	return ""
}

package cli

import (
	"fmt"
	"path/filepath"
	"strings"

	"clipcalib/internal/atomicfile"
	"clipcalib/internal/data"
	"clipcalib/internal/exitcode"
	"clipcalib/internal/run"
)

// load reads a data set, of one with parts the part split, and says what was
// decided in reading it.
func (a *app) load(s sourceFlags, spec, split string) (*data.Set, error) {
	set, err := data.LoadWith(spec, data.Options{
		Fallback: split, ImageRoot: s.imageRoot, ClassNames: s.names, LabelColumn: s.labelColumn,
		AllowEmptyClasses: s.allowEmpty, KeepUnderscores: s.keepUnderscores,
	})
	if err == nil && !s.allowNumbers {
		err = set.CheckNames()
	}
	if err != nil {
		return nil, err
	}
	for _, n := range set.Notes {
		a.note("%s", n)
	}
	for _, d := range set.Doubts {
		a.doubt(d)
	}
	return set, nil
}

// account adds up what became of the files of a command's sets.
type account struct{ listed, unreadable int }

// add counts a set's account, and notes it.
func (c *account) add(a *app, name string, of data.Account) {
	c.listed += of.Samples()
	c.unreadable += len(of.Unreadable)
	a.note("%s: %v", name, of)
}

// end is the error that a command ends with whose work is done: nil, or that
// something unreadable was left out.
func (c account) end() error {
	if c.unreadable == 0 {
		return nil
	}
	return exitcode.LeftOut{What: fmt.Sprintf("done, but %d of %d pictures could not be read (named above) and are left "+
		"out", c.unreadable, c.listed)}
}

// picksFile lists the pictures that a run learnt from beside run.ShotsFile, in the
// form of CoOp's split files, which --picks takes.
const picksFile = "shots.json"

// doubtsFile says what may be wrong with what a run learnt from; most have none.
const doubtsFile = "doubts.txt"

// keepShots writes both.
func keepShots(r *data.Record, dir string) error {
	if err := r.WriteAs(dir, run.ShotsFile); err != nil {
		return err
	}
	if len(r.Doubts) > 0 {
		text := strings.Join(r.Doubts, "\n") + "\n"
		if err := atomicfile.WriteBytes(filepath.Join(dir, doubtsFile), []byte(text)); err != nil {
			return err
		}
	}
	return r.Picks().Write(filepath.Join(dir, picksFile))
}

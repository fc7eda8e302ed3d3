package miniature

import (
	"fmt"
	"slices"

	"clipcalib/internal/data/catalog"
)

// Form is how sets are laid out on disk.
type Form string

// The forms.
const (
	CoOp       Form = "coop"
	TPT        Form = "tpt"
	TTABC      Form = "ttabc"
	Parquet    Form = "parquet"    // of Hugging Face
	Webdataset Form = "webdataset" // tar archives
)

// Forms lists them.
func Forms() []Form { return []Form{CoOp, TPT, TTABC, Parquet, Webdataset} }

// Options says what is written. The zero value is CoOp's form of all sets, with
// four classes of 4 training, 2 validation and 3 test pictures of 32 pixels.
type Options struct {
	Form    Form
	Sets    []string // by name; nil takes all
	Classes int      // of each set at most; fewer of ImageNet-A and -R, which have some of them only
	// Train, Val and Test are pictures of a class; parts that a set lacks stay out.
	Train, Val, Test int
	Size             int  // pixels a side
	Bad              bool // the files that are odd in the real sets are there, and are odd
	Lists            bool // the sets' own lists, from which CoOp made its split files, are there
	NoSplits         bool // CoOp's split files are not there

	// Real makes all classes with as many pictures as the real sets have; then
	// pictures of a class are one file under many names (hard links), Classes,
	// Train, Val and Test do not count, and Form is CoOp, TPT or TTABC.
	Real bool
}

func (o Options) resolved() (Options, error) {
	if o.Form == "" {
		o.Form = CoOp
	}
	for _, d := range []struct {
		to    *int
		value int
	}{{&o.Classes, 4}, {&o.Train, 4}, {&o.Val, 2}, {&o.Test, 3}, {&o.Size, 32}} {
		if *d.to == 0 {
			*d.to = d.value
		}
		if *d.to < 0 {
			return o, fmt.Errorf("miniature: %d: want no negative number", *d.to)
		}
	}
	if !slices.Contains(Forms(), o.Form) {
		return o, fmt.Errorf("miniature: unknown form %q", o.Form)
	}
	if o.Real && (o.Form == Parquet || o.Form == Webdataset) {
		return o, fmt.Errorf("miniature: real counts are for folders, not for %s", o.Form)
	}
	return o, nil
}

func (o Options) sets() ([]*catalog.Set, error) {
	if o.Sets == nil {
		return catalog.Sets(), nil
	}
	var out []*catalog.Set
	for _, name := range o.Sets {
		s, err := catalog.Find(name)
		if err != nil {
			return nil, fmt.Errorf("miniature: %w", err)
		}
		out = append(out, s)
	}
	return out, nil
}

// The classes that are taken first, where not all are, as labels. Of ImageNet:
// label 0, by which folders of numbers are known as labels; classes of both A and
// R, of either and of neither; those of the odd files; two of one name.
var (
	firstOfImageNet = []int{0, 6, 11, 15, 1, 150, 230, 657, 744, 13}
	firstOfPets     = []int{0, 4, 11, 10} // those of the odd files
)

// chosen are the classes that are written, as labels of the real set, ascending.
func (o Options) chosen(s *catalog.Set) []int {
	all := make([]int, s.Classes)
	for i := range all {
		all[i] = i
	}
	if o.Real {
		return all
	}
	of := s.ImageNetLabels()
	if of == nil {
		first := []int{}
		if s.ID == "OxfordPets" {
			first = firstOfPets
		}
		return pick(first, all, o.Classes)
	}
	thousand := make([]int, 1000)
	for i := range thousand {
		thousand[i] = i
	}
	taken := pick(firstOfImageNet, thousand, o.Classes)
	var out []int
	for label, k := range of {
		if slices.Contains(taken, k) {
			out = append(out, label)
		}
	}
	return out
}

// pick takes n of all, those of first before the others, in ascending order.
func pick(first, all []int, n int) []int {
	var out []int
	for _, k := range append(slices.Clone(first), all...) {
		if len(out) < n && !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}

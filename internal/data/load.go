package data

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// Options says how a data set is read where its files leave it open.
type Options struct {
	// Split is the part wanted: "train", "val" or "test". Empty takes the whole
	// of a set without parts, and is an error for one with.
	Split string
	// Fallback is the part taken where none is chosen and the set has parts;
	// "test" falls back to "val" in a set without.
	Fallback string
	// ImageRoot is the folder that relative paths of a split file or list
	// start from. Empty looks in the usual places beside the file.
	ImageRoot string
	// ClassNames is a file of class names (see [ReadClassNames]). Empty uses
	// classnames.txt beside the classes, if there is one.
	ClassNames string
	// LabelColumn names the labels of a parquet set that has several.
	LabelColumn string
	// KeepUnderscores keeps underscores in class names; otherwise they become
	// spaces, as prompts want them.
	KeepUnderscores bool
	// AllowEmptyClasses keeps classes without a picture.
	AllowEmptyClasses bool

	nameOnly bool // of interest; files need not be read
}

// Load reads the data set at spec, which is one of
//
//   - a folder of class folders, or the root of such in parts, as ImageNet's;
//   - the root of one of CoOp's or TPT's data sets, or its split file (.json);
//   - a list (.tsv, .csv, .txt: path and label or class name);
//   - parquet files of Hugging Face, or a folder of them;
//   - webdataset archives (.tar), or a folder of them.
//
// A suffix "#train", "#val" or "#test" picks a part, "#base" or "#new" the first or
// the second half of the classes.
func Load(spec string) (*Set, error) { return LoadWith(spec, Options{}) }

// LoadSplit is [Load] with a part to fall back on when spec has no suffix and
// the data set has parts; a set without parts is taken whole.
func LoadSplit(spec, split string) (*Set, error) {
	return LoadWith(spec, Options{Fallback: split})
}

// LoadWith is [Load] with options. A suffix of spec wins over opt.Split.
func LoadWith(spec string, opt Options) (*Set, error) {
	path, split, half := cutSplit(spec)
	if split != "" {
		opt.Split = split
	}
	if opt.Split != "" && !validSplit(opt.Split) {
		return nil, fmt.Errorf("data set %s: split %q, want train, val or test", path, opt.Split)
	}
	l, err := locate(path, opt)
	if err != nil {
		return nil, err
	}
	part, err := l.choose(opt)
	if err != nil {
		return nil, err
	}
	set, err := l.read(part)
	if err != nil {
		return nil, err
	}
	if l.name != "" {
		set.Name = l.name
	}
	if part != "" {
		set.Split = part
	}
	set.Notes = append(l.notes, set.Notes...)
	if opt.Split == "" && part != "" && part != opt.Fallback {
		set.note("%s has no %s part; its %s part is taken", l.path, opt.Fallback, part)
	}
	if half != "" {
		if set, err = set.half(half); err != nil {
			return nil, err
		}
	}
	set.countTwice()
	if !opt.KeepUnderscores {
		set.Classes = slices.Clone(set.Classes)
		for i, name := range set.Classes {
			set.Classes[i] = strings.ReplaceAll(name, "_", " ")
		}
	}
	set.noteNames()
	set.doubtNames()
	return set, set.Check()
}

// choose decides which part is read: "" is the whole.
func (l layout) choose(opt Options) (string, error) {
	has := func(part string) bool { return slices.Contains(l.parts, part) }
	switch {
	case len(l.parts) == 0 && opt.Split != "":
		return "", fmt.Errorf("data set %s: no %q part in it: it has no parts", l.path, opt.Split)
	case len(l.parts) == 0:
		return "", nil
	case opt.Split != "" && !has(opt.Split):
		return "", fmt.Errorf("data set %s: no split %q in it; it has %s", l.path, opt.Split, strings.Join(l.parts,
			", "))
	case opt.Split != "":
		return opt.Split, nil
	case opt.Fallback == "":
		return "", fmt.Errorf("data set %s: %w in it; add #%s", l.path, ErrNoSplit, strings.Join(l.parts, " or #"))
	case has(opt.Fallback):
		return opt.Fallback, nil
	case opt.Fallback == "test" && has("val"):
		return "val", nil // as the reference measures on ImageNet
	}
	return "", fmt.Errorf("data set %s: no %s part in it; it has %s (add #%s)", l.path, opt.Fallback,
		strings.Join(l.parts, ", "), l.parts[0])
}

// countTwice notes pictures that are listed more than once.
func (s *Set) countTwice() {
	seen := make(map[string]int, len(s.Items))
	twice, unlike, example := 0, 0, ""
	for _, it := range s.Items {
		label, ok := seen[it.Path]
		if !ok {
			seen[it.Path] = it.Label
			continue
		}
		if twice++; example == "" {
			example = it.Key(s.Root)
		}
		if label != it.Label {
			unlike++
		}
	}
	if twice > 0 {
		s.note("%d of %d pictures are listed before, such as %s, %d of them under another label; each counts", twice,
			len(s.Items), example, unlike)
	}
}

// noteNames notes a class that is alone.
func (s *Set) noteNames() {
	if len(s.Classes) == 1 {
		s.note("one class alone (%q): whatever is predicted is right", s.Classes[0])
	}
}

// open checks that something is at path.
func open(path string) (os.FileInfo, error) {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() && !info.Mode().IsRegular() {
		err = errors.New("neither a file nor a folder")
	}
	if err != nil {
		return nil, fmt.Errorf("data set %s: %w (want a folder with one folder per class, a split .json, a list .tsv or "+
			".csv, .parquet or .tar files)", path, cause(err))
	}
	return info, nil
}

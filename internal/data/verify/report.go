// Package verify counts and checks the data sets of the paper that lie below a
// folder, in whatever layout, against what package catalog knows: classes,
// pictures of each part, class names and their order, files that a split file
// names. It reads folders and lists; pictures only where asked to.
package verify

import (
	"fmt"
	"slices"

	"clipcalib/internal/data/catalog"
)

// Level says what a finding means.
type Level string

// The levels.
const (
	Wrong   Level = "wrong"   // numbers from this set would be other ones
	Warning Level = "warning" // they might be
	Note    Level = "note"    // good to know
)

// The kinds of findings.
const (
	KindFolder   = "folder"   // a folder of pictures, or all of a set, is not where it should be
	KindPart     = "part"     // a part is not there
	KindSplit    = "split"    // the split file: missing, damaged
	KindHash     = "hash"     // its bytes are others
	KindCount    = "count"    // pictures of a part
	KindClasses  = "classes"  // class folders: missing, unknown, empty
	KindNames    = "names"    // class names or their order
	KindMissing  = "missing"  // listed pictures that are not there
	KindRenamed  = "renamed"  // those that are there under a name like it
	KindTwice    = "twice"    // pictures listed twice, or in two parts
	KindUnlisted = "unlisted" // pictures that no part lists
	KindKnown    = "known"    // files known to be odd
	KindDamaged  = "damaged"  // pictures that cannot be decoded
	KindSame     = "same"     // files of one content
)

// Finding is something that was found.
type Finding struct {
	Level    Level    `json:"level"`
	Kind     string   `json:"kind"`
	What     string   `json:"what"`
	Count    int      `json:"count,omitempty"`
	Examples []string `json:"examples,omitempty"` // files, relative to the set's folder
	Do       string   `json:"do,omitempty"`       // what to do about it
}

// Part is a part of a set as found.
type Part struct {
	Name     string `json:"name"`
	Pictures int    `json:"pictures"` // listed and there
	Want     int    `json:"want"`
	Classes  int    `json:"classes"`
}

// Set is a set as found.
type Set struct {
	Name     string    `json:"name"`
	Path     string    `json:"path"`
	Form     string    `json:"form"` // how it lies there, in words
	Parts    []Part    `json:"parts"`
	Classes  int       `json:"classes"`
	Want     int       `json:"want_classes"`
	Decoded  int       `json:"decoded,omitempty"`
	Verdict  string    `json:"state"` // of [Set.State]
	Findings []Finding `json:"findings"`

	known *catalog.Set
	files []picture // to decode
}

// OK reports whether nothing wrong was found.
func (s *Set) OK() bool {
	return !slices.ContainsFunc(s.Findings, func(f Finding) bool { return f.Level == Wrong })
}

// What is known of a set as a whole.
const (
	AsPublished = "ok"    // classes, counts, names and, where CoOp has one, the split file are the published ones
	OtherParts  = "other" // usable, but its parts are not those that published numbers are of, as far as is known
	NotUsable   = "wrong"
)

// State is one of those: a set of other parts is not called one that is as published.
func (s *Set) State() string {
	switch {
	case !s.OK():
		return NotUsable
	case slices.ContainsFunc(s.Findings, func(f Finding) bool {
		return f.Level == Warning && (f.Kind == KindHash || f.Kind == KindCount || f.Kind == KindPart)
	}):
		return OtherParts
	}
	return AsPublished
}

// Report is what was found below a folder.
type Report struct {
	Root   string   `json:"root"`
	Sets   []*Set   `json:"sets"`
	Absent []string `json:"absent"` // sets that were looked for and not found
	Other  []string `json:"other"`  // folders that are none of the known sets
	Files  int      `json:"files"`  // directory entries that were read
}

func (s *Set) find(f Finding) { s.Findings = append(s.Findings, f) }

// maxExamples is how many files a finding names.
const maxExamples = 5

// files makes a finding about files of them all.
func (s *Set) about(level Level, kind string, files []string, what, do string) {
	if len(files) == 0 {
		return
	}
	s.find(Finding{Level: level, Kind: kind, What: what, Count: len(files), Do: do,
		Examples: slices.Clone(files[:min(len(files), maxExamples)])})
}

// counts compares the pictures of a part with what they should be.
func (s *Set) counts(part string, pictures, classes int) {
	want := s.known.Counts[part]
	s.Parts = append(s.Parts, Part{part, pictures, want, classes})
	if want > 0 && pictures != want {
		s.find(Finding{Level: Wrong, Kind: KindCount, Count: pictures,
			What: fmt.Sprintf("%s has %d pictures, the published set %d", part, pictures, want)})
	}
}

package data

import (
	"fmt"
	"regexp"
)

// CheckNames refuses class names that are WordNet ids or bare numbers: prompts
// made of them mean nothing to CLIP, and the figures would be wrong.
func (s *Set) CheckNames() error {
	kind := ""
	switch {
	case all(s.Classes, synset):
		kind = "WordNet ids"
	case all(s.Classes, number):
		kind = "numbers"
	default:
		return nil
	}
	return fmt.Errorf("data set %s: its class names are %s, such as %q, and prompts made of them mean nothing to CLIP: "+
		"name the classes with --class-names FILE (a line for each: folder and name, as CoOp's classnames.txt; or names in "+
		"order), "+
		"or put that file beside the classes as classnames.txt; --allow-numbered-classes takes them as they are",
		s.Name,
		kind, s.Classes[0])
}

var (
	synset = regexp.MustCompile(`^n\d{5,}$`)
	number = regexp.MustCompile(`^\d+([.]0+)?$`) // as pandas writes a column of numbers with a gap
)

func all(names []string, form *regexp.Regexp) bool {
	for _, name := range names {
		if !form.MatchString(name) {
			return false
		}
	}
	return true
}

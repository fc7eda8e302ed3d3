package data

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// LeftOut is a file that is no sample, and why.
type LeftOut struct {
	File   string // relative to the set's root, as [Item.Key] has it
	Class  string // of an unreadable picture
	Reason string
}

// Account says what became of every file of a set.
type Account struct {
	Listed     int       // pictures with a label
	NotDrawn   int       // of those, pictures that few shots left out
	Repeated   int       // draws of a picture that had been drawn
	Ignored    []LeftOut // files that a rule left out, beside the listed ones
	Unreadable []LeftOut // listed pictures that could not be read
}

// Account is the account of a set of which nothing has been read yet.
func (s *Set) Account() Account { return Account{Listed: len(s.Items), Ignored: s.Ignored} }

// Read is the number of pictures that were read: the samples.
func (a Account) Read() int { return a.Samples() - len(a.Unreadable) }

// Samples is the number of pictures to read: those listed, or the draws from
// them.
func (a Account) Samples() int { return a.Listed - a.NotDrawn + a.Repeated }

// Skipped is an account's summary, in the form of JSON.
type Skipped struct {
	Unreadable int      `json:"unreadable"`
	Ignored    int      `json:"ignored"`
	Reasons    []Reason `json:"reasons,omitempty"`
}

// Reason is a reason for leaving files out, with some of them.
type Reason struct {
	Kind     string   `json:"kind"` // "unreadable" or "ignored"
	Reason   string   `json:"reason"`
	Count    int      `json:"count"`
	Examples []string `json:"examples"`
}

// The kinds of what is left out.
const (
	KindUnreadable = "unreadable"
	KindIgnored    = "ignored"
)

// maxExamples is how many files a reason names.
const maxExamples = 3

// Skipped summarises what was left out, by reason, the commonest first.
func (a Account) Skipped() Skipped {
	s := Skipped{Unreadable: len(a.Unreadable), Ignored: len(a.Ignored)}
	s.Reasons = append(reasons(KindUnreadable, a.Unreadable), reasons(KindIgnored, a.Ignored)...)
	return s
}

func reasons(kind string, files []LeftOut) []Reason {
	at := map[string]int{}
	var out []Reason
	for _, f := range files {
		i, ok := at[f.Reason]
		if !ok {
			i = len(out)
			at[f.Reason] = i
			out = append(out, Reason{Kind: kind, Reason: f.Reason})
		}
		out[i].Count++
		if len(out[i].Examples) < maxExamples {
			out[i].Examples = append(out[i].Examples, f.File)
		}
	}
	slices.SortStableFunc(out, func(a, b Reason) int { return b.Count - a.Count })
	return out
}

// String is the account in one line: "12 pictures read of 14; 2 unreadable;
// 3 files ignored: 2 hidden (.DS_Store, ...), 1 no picture by its name (a.txt)".
func (a Account) String() string {
	read := counted(a.Read(), "picture", "pictures")
	line := fmt.Sprintf("%s read of %d", read, a.Listed)
	if a.NotDrawn > 0 || a.Repeated > 0 {
		line = fmt.Sprintf("%s read of %d drawn from %d", read, a.Samples(), a.Listed)
	}
	if a.Repeated > 0 {
		line += fmt.Sprintf(", %d of them again", a.Repeated)
	}
	if n := len(a.Unreadable); n > 0 {
		line += fmt.Sprintf("; %d unreadable", n)
	}
	if n := len(a.Ignored); n > 0 {
		line += fmt.Sprintf("; %s ignored: %s", counted(n, "file", "files"), inWords(reasons(KindIgnored, a.Ignored)))
	}
	return line
}

func inWords(rs []Reason) string {
	var words []string
	for _, r := range rs {
		examples := strings.Join(r.Examples, ", ")
		if r.Count > len(r.Examples) {
			examples += ", ..."
		}
		words = append(words, fmt.Sprintf("%d %s (%s)", r.Count, r.Reason, examples))
	}
	return strings.Join(words, ", ")
}

// afterCount is what an error about missing pictures ends in.
func afterCount(ignored []LeftOut) string {
	if len(ignored) == 0 {
		return ""
	}
	return fmt.Sprintf("; ignored were %s: %s", counted(len(ignored), "file", "files"), inWords(reasons(KindIgnored,
		ignored)))
}

// Unreadable is the entry of item i of the set, which err kept from being read.
func (s *Set) Unreadable(i int, err error) LeftOut {
	it := s.Items[i]
	reason := strings.TrimPrefix(err.Error(), "image "+it.Path+": ")
	return LeftOut{File: it.Key(s.Root), Class: s.Classes[it.Label], Reason: reason}
}

// Unread returns an error that names the classes of drawn pictures of which
// none was kept: nothing can be learnt about them.
func (s *Set) Unread(kept []int) error {
	read := make([]int, len(s.Classes))
	for _, i := range kept {
		read[s.Items[i].Label]++
	}
	var lost []string
	for k, n := range s.Counts() {
		if n > 0 && read[k] == 0 {
			lost = append(lost, fmt.Sprintf("%q (all %d)", s.Classes[k], n))
		}
	}
	if len(lost) == 0 {
		return nil
	}
	return fmt.Errorf("data set %s: no picture of %s could be read, so nothing can be learnt about %s: mend the "+
		"pictures or take the class out",
		s.Name, listed(lost, 5), pronoun(len(lost)))
}

// counted is a number with the form of a word that goes with it.
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func pronoun(n int) string {
	if n == 1 {
		return "it"
	}
	return "them"
}

// listed joins at most so many words and counts the rest.
func listed(words []string, most int) string {
	if len(words) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(words[:most], ", "), len(words)-most)
	}
	return strings.Join(words, ", ")
}

// errEmptyClasses is wrapped by the error of classes without a picture.
var errEmptyClasses = errors.New("classes without a picture")

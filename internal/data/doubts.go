package data

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/sync/errgroup"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Contents are the hashes of a set's pictures by item: of their files, or of
// their part of a container. Those that cannot be read have none.
type Contents []digest

// Contents hashes the set's pictures. Hashes of files are kept in the folder
// cache, as those of [Set.Fingerprint].
func (s *Set) Contents(cache string) (Contents, error) {
	files, err := s.contents(cache)
	if err != nil {
		return nil, err
	}
	out := make(Contents, len(s.Items))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, it := range s.Items {
		switch {
		case it.Bytes != nil:
			g.Go(func() error {
				if encoded, err := it.Bytes(); err == nil { // or it is named when it is read
					out[i] = sha256.Sum256(encoded)
				}
				return nil
			})
		case it.Load == nil:
			out[i] = files[it.Path]
		}
	}
	return out, g.Wait()
}

// Hex is the hash of item i, "" where there is none.
func (c Contents) Hex(i int) string {
	if c[i] == (digest{}) {
		return ""
	}
	return hex.EncodeToString(c[i][:])
}

// Sum is the hash of the pictures whatever their order and names; "" where some
// have none.
func (c Contents) Sum() string {
	sorted := slices.Clone(c)
	slices.SortFunc(sorted, func(a, b digest) int { return slices.Compare(a[:], b[:]) })
	if len(sorted) == 0 || sorted[0] == (digest{}) {
		return ""
	}
	h := sha256.New()
	for _, d := range sorted {
		h.Write(d[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Among counts the pictures that are among known ones, by their hashes, and
// returns the number of the first.
func (c Contents) Among(known map[string]bool) (n, first int) {
	first = -1
	for i := range c {
		if known[c.Hex(i)] {
			if n++; first < 0 {
				first = i
			}
		}
	}
	return n, first
}

// TwoLabels says which pictures are in the set under several labels; "" is none.
func (s *Set) TwoLabels(c Contents) string {
	seen := map[digest]int{}
	unlike, example := 0, ""
	for i, d := range c {
		first, ok := seen[d]
		switch {
		case d == (digest{}):
		case !ok:
			seen[d] = i
		case s.Items[first].Label != s.Items[i].Label:
			if unlike++; unlike == 1 {
				a, b := s.Items[first], s.Items[i]
				example = fmt.Sprintf("%s (%s) is %s (%s)", b.Key(s.Root), s.Classes[b.Label], a.Key(s.Root),
					s.Classes[a.Label])
			}
		}
	}
	if unlike == 0 {
		return ""
	}
	return fmt.Sprintf("%s: %s under another label too, by content: %s; at most one label is right", s.Name,
		counted(unlike, "picture is there", "pictures are there"), example)
}

// ReadAs is a class name as CLIP reads it, or nearly so: without case, unseen
// characters, the Unicode form and surplus blanks.
func ReadAs(name string) string {
	seen := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, name)
	return strings.Join(strings.Fields(norm.NFC.String(cases.Fold().String(norm.NFC.String(seen)))), " ")
}

// doubtNames notes classes that cannot be told apart by their names, or hardly.
func (s *Set) doubtNames() {
	keys, alike := map[string][]string{}, map[string][]string{}
	for _, c := range s.Keys() {
		if len(keys[c.Name]) == 0 {
			plain := ReadAs(c.Name)
			alike[plain] = append(alike[plain], c.Name)
		}
		keys[c.Name] = append(keys[c.Name], c.Key())
	}
	for _, name := range s.Classes {
		if of := keys[name]; len(of) > 1 {
			s.doubt("%d classes are called %q (%s): their prompts are the same, and so are their zero-shot logits",
				len(of), name, listed(of, 5))
			delete(keys, name)
		}
		plain := ReadAs(name)
		if of := alike[plain]; len(of) > 1 {
			s.doubt("classes %q differ in case, blanks, unseen characters or Unicode form alone: their prompts and zero-shot "+
				"logits are the same or nearly so", of)
			delete(alike, plain)
		}
	}
	s.doubtLetters()
}

// doubtLetters notes names that people cannot tell apart and the text tower can, and
// words with a letter of another script among Latin ones.
func (s *Set) doubtLetters() {
	seen := map[string]string{}
	for _, name := range s.Classes {
		look := looksAs(name)
		if first, ok := seen[look]; !ok {
			seen[look] = name
		} else if how := unlike(first, name); how != "" {
			s.doubt("classes %q and %q look alike, and the text tower reads other tokens of each: %s", first, name, how)
		}
		if word, letter := mixedScript(name); word != "" {
			s.doubt("class %q has U+%04X%s among Latin letters, in %q: the text tower reads other tokens than of the word that "+
				"it looks like", name, letter, inScript(letter), word)
		}
	}
}

func (s *Set) doubt(format string, args ...any) {
	s.Doubts = append(s.Doubts, s.Name+": "+fmt.Sprintf(format, args...))
}

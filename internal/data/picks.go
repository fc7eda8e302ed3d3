package data

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"clipcalib/internal/atomicfile"
	"clipcalib/internal/regular"
)

// Picks are the pictures that a few-shot draw took: of the training part and,
// where known, of the validation part.
type Picks struct {
	Train []SplitEntry
	Val   []SplitEntry
}

// ReadPicks reads a draw: CoOp's split_fewshot/shot_K-seed_S.pkl, or a JSON file
// of the form of a split file, as [Picks.Write] makes. Errors name the file.
func ReadPicks(path string) (p Picks, err error) {
	f, err := regular.Open(path)
	if err != nil {
		return p, fmt.Errorf("picks %s: %w", path, cause(err))
	}
	defer f.Close()
	if strings.EqualFold(filepath.Ext(path), ".json") {
		var splits Splits
		splits, err = parseSplits(f)
		p = Picks{Train: splits["train"], Val: splits["val"]}
	} else {
		p, err = readDatums(f)
	}
	if err == nil && len(p.Train) == 0 {
		err = errors.New(`no pictures under "train"`)
	}
	if err != nil {
		return p, fmt.Errorf("picks %s: %w", path, err)
	}
	return p, nil
}

// Picks are the pictures of the record, as a draw.
func (r *Record) Picks() Picks {
	var p Picks
	for _, row := range r.Rows {
		p.Train = append(p.Train, SplitEntry{Path: row.File, Label: row.Label, Class: row.Class})
	}
	return p
}

// MarshalJSON writes an entry as CoOp's files have it.
func (e SplitEntry) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{e.Path, e.Label, e.Class})
}

// Write writes the draw as JSON of the form of CoOp's split files.
func (p Picks) Write(path string) error {
	var b bytes.Buffer
	if err := (Splits{"train": p.Train, "val": p.Val, "test": nil}).encode(&b); err != nil {
		return err
	}
	return writeTable(path, b.Bytes()) // which leaves a finished run's alone
}

// Write writes a split file, byte for byte as Dassl writes one.
func (s Splits) Write(path string) error {
	return atomicfile.Write(path, s.encode)
}

func (s Splits) encode(w io.Writer) error {
	text := "{\n"
	for i, part := range []string{"train", "val", "test"} {
		text += fmt.Sprintf("    %q: [", part)
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
		if err := writeEntries(w, s[part]); err != nil {
			return err
		}
		if text = "],\n"; i == 2 {
			text = "]\n}"
		}
	}
	_, err := io.WriteString(w, text)
	return err
}

// writeEntries writes a list as Python's json.dump with an indent of 4, which
// escapes all but ASCII.
func writeEntries(w io.Writer, entries []SplitEntry) error {
	for i, e := range entries {
		comma := ","
		if i == len(entries)-1 {
			comma = "\n    "
		}
		if _, err := fmt.Fprintf(w, "\n        [\n            %s,\n            %d,\n            %s\n        ]%s",
			pythonString(e.Path), e.Label, pythonString(e.Class), comma); err != nil {
			return err
		}
	}
	return nil
}

// pythonString is a string as json.dumps writes it.
func pythonString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' || r > '~' && r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// Of finds the picks among the pictures of a set, in the picks' order. A pick is
// the picture with the longest common end of the path; its label and class name
// must be the set's. Whatever is not found with certainty is an error, and so is a
// class without a pick.
func (p Picks) Of(set *Set) (*Set, error) {
	at := make(map[string]int, len(set.Items))
	for i, it := range set.Items {
		at[it.Key(set.Root)] = i
	}
	var items []Item
	var lost []string
	for _, e := range p.Train {
		i, ok := findKey(at, e.Path)
		if !ok {
			lost = append(lost, e.Path)
			continue
		}
		it := set.Items[i]
		if it.Label != e.Label || spaced(set.Classes[it.Label]) != spaced(e.Class) {
			return nil, fmt.Errorf("data set %s: %s has label %d, %q, and the picks say %d, %q: the picks are of another "+
				"list of classes", set.Name, it.Key(set.Root), it.Label, set.Classes[it.Label], e.Label, e.Class)
		}
		items = append(items, it)
	}
	if len(lost) > 0 {
		return nil, fmt.Errorf("data set %s: %d of %d picks are not among its %d pictures, such as %s: are they "+
			"of this set, and of this part of it?", set.Name, len(lost), len(p.Train), len(set.Items), listed(lost, 3))
	}
	picked := set.With(items)
	var without []string
	counts := picked.Counts()
	for k, n := range set.Counts() {
		if n > 0 && counts[k] == 0 {
			without = append(without, strconv.Quote(set.Classes[k]))
		}
	}
	if len(without) > 0 {
		return nil, fmt.Errorf("data set %s: the picks have no picture of %d of %d classes, %s: add some, or name a set "+
			"without these classes", set.Name, len(without), len(set.Classes), listed(without, 3))
	}
	return picked, nil
}

func spaced(name string) string { return strings.ReplaceAll(name, "_", " ") }

// findKey finds the item whose key is the longest end of a path.
func findKey(at map[string]int, path string) (int, bool) {
	for rest := slashed(path); ; {
		if i, ok := at[rest]; ok {
			return i, true
		}
		_, after, ok := strings.Cut(rest, "/")
		if !ok {
			return 0, false
		}
		rest = after
	}
}

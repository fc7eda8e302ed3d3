package logitfile

import (
	"errors"
	"fmt"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"clipcalib/calib"
)

// matrix takes the columns that the patterns name, or all but those that go by
// a label's name. Columns that are numbered stand in the order of their
// numbers, which are those of the classes.
func (t *table) matrix(patterns string) (calib.Rows, []string, error) {
	var columns []int
	var notes []string
	var err error
	if patterns != "" {
		columns, err = t.named(patterns)
	} else {
		columns, notes, err = t.unnamed()
	}
	if err != nil {
		return nil, nil, err
	}
	if len(columns) == 0 {
		return nil, nil, errors.New("no columns of logits")
	}
	for _, k := range columns {
		if bad, ok := t.text[k]; ok {
			return nil, nil, fmt.Errorf("column %q, line %d: %q is not a number; name the columns of logits behind the "+
				"path, as in file#logit_*", t.names[k], bad.line, bad.value)
		}
	}
	if family := t.families(columns, patterns != ""); len(family) == 1 && len(family[0].columns) == len(columns) {
		if !slices.IsSorted(family[0].columns) {
			notes = append(notes, fmt.Sprintf("columns %s stand in another order, and were taken in that of their "+
				"numbers", family[0]))
		}
		columns = family[0].columns
	}
	if t.counting {
		notes = append(notes, "the first line, 0, 1, 2 and so on, was taken for names of columns")
	}
	return t.pick(columns), notes, nil
}

// pick copies columns, in their order, to the front of the numbers.
func (t *table) pick(columns []int) calib.Matrix {
	width := len(t.names)
	m := calib.Matrix{N: t.rows, K: len(columns), Data: t.numbers[:t.rows*len(columns)]}
	row := make([]float64, width)
	for i := range t.rows {
		copy(row, t.numbers[i*width:])
		for at, k := range columns {
			m.Data[i*len(columns)+at] = row[k]
		}
	}
	return m
}

// named are the columns of patterns.
func (t *table) named(patterns string) (columns []int, err error) {
	used := map[string]bool{}
	for k, name := range t.names {
		for pattern := range strings.SplitSeq(patterns, ",") {
			ok, err := path.Match(pattern, name)
			if err != nil {
				return nil, fmt.Errorf("pattern %q: %w", pattern, err)
			}
			if ok {
				used[pattern] = true
				columns = append(columns, k)
				break
			}
		}
	}
	for pattern := range strings.SplitSeq(patterns, ",") {
		if !used[pattern] {
			return nil, fmt.Errorf("no column %q; the columns are %s", pattern, shorten(t.names))
		}
	}
	return columns, nil
}

// unnamed are the columns that must be logits: all but labels and numbers of
// rows. Where some are numbered as classes are, others beside them are refused.
func (t *table) unnamed() (columns []int, notes []string, err error) {
	var left []string
	for k, name := range t.names {
		switch {
		case slices.Contains(Labels, strings.ToLower(name)):
			left = append(left, name)
		case t.index(k) == counts:
			left = append(left, fmt.Sprintf("%q (numbers of rows)", name))
		case t.index(k) == shuffled:
			return nil, nil, t.shuffledError(k, "logits", "logit_*")
		default:
			columns = append(columns, k)
		}
	}
	if len(left) > 0 {
		notes = append(notes, fmt.Sprintf("column %s is not a logit and was left out", strings.Join(left, ", ")))
	}
	families := t.families(columns, false)
	switch {
	case len(families) == 0:
		return columns, notes, nil
	case len(families) > 1:
		return nil, nil, fmt.Errorf("columns %s and columns %s: say which are the logits, as in file#%s*", families[0],
			families[1], families[0].prefix)
	}
	f := families[0]
	for _, k := range columns {
		if !slices.Contains(f.columns, k) {
			return nil, nil, fmt.Errorf("column %q is beside columns %s: name the columns of logits behind the path, "+
				"as in file#%s*", t.names[k], f, f.prefix)
		}
	}
	if missing, ok := f.gap(); ok {
		return nil, nil, fmt.Errorf("columns %s: there is no %s%d, or it is there twice; the numbers must be those of "+
			"all classes, or name the columns behind the path, as in file#%s*", f, f.prefix, missing, f.prefix)
	}
	return columns, notes, nil
}

// family are columns of names that differ in a number at their end, ordered by it.
type family struct {
	prefix  string
	numbers []int
	columns []int
}

func (f family) String() string {
	return fmt.Sprintf("%s%d to %s%d", f.prefix, f.numbers[0], f.prefix, f.numbers[len(f.numbers)-1])
}

// gap is the first number that does not follow the one before.
func (f family) gap() (int, bool) {
	for i := 1; i < len(f.numbers); i++ {
		if f.numbers[i] != f.numbers[i-1]+1 {
			return f.numbers[i-1] + 1, true
		}
	}
	return 0, false
}

// families are the families among columns: with any numbers, or those alone that
// begin as classes are counted, since names of classes end in numbers too.
func (t *table) families(columns []int, anyNumbers bool) []family {
	type member struct{ number, column int }
	members := map[string][]member{}
	var prefixes []string
	for _, k := range columns {
		name := t.names[k]
		prefix := strings.TrimRight(name, "0123456789")
		number, err := strconv.Atoi(name[len(prefix):])
		if err != nil {
			continue
		}
		if members[prefix] == nil {
			prefixes = append(prefixes, prefix)
		}
		members[prefix] = append(members[prefix], member{number, k})
	}
	var out []family
	for _, prefix := range prefixes {
		all := members[prefix]
		slices.SortStableFunc(all, func(a, b member) int { return a.number - b.number })
		if len(all) < 2 || !anyNumbers && (all[0].number > 1 || all[1].number > all[0].number+1) {
			continue
		}
		f := family{prefix: prefix}
		for _, m := range all {
			f.numbers, f.columns = append(f.numbers, m.number), append(f.columns, m.column)
		}
		out = append(out, f)
	}
	return out
}

// indexKind is what a column is of the numbers of rows that pandas writes.
type indexKind int

const (
	noIndex  indexKind = iota
	counts             // 0, 1, 2…
	shuffled           // others: the table was sorted or filtered
)

func (t *table) index(k int) indexKind {
	if name := t.names[k]; name != "" && name != "Unnamed: 0" && !strings.HasPrefix(name, "__index_level_") {
		return noIndex
	}
	kind := counts
	for i := range t.rows {
		v := t.numbers[i*len(t.names)+k]
		if v != math.Trunc(v) || v < 0 { // NaN too: no numbers of rows
			return noIndex
		}
		if v != float64(i) {
			kind = shuffled
		}
	}
	return kind
}

func (t *table) shuffledError(k int, what, example string) error {
	return fmt.Errorf("column %q numbers the rows, and not as 0, 1, 2: the table was sorted or filtered; if %s and "+
		"what they are paired with are in one order, name their columns behind the path, as in file#%s",
		t.names[k], what, example)
}

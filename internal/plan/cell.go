package plan

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Version is that of the form of a line.
const Version = 1

// The commands whose work may be planned.
const (
	Adapt  = "adapt"
	Tune   = "tta"
	Encode = "encode"
)

// Cell is one piece of work.
type Cell struct {
	Version int    `json:"version"`
	Number  int    `json:"cell"`         // its line in the plan, from 0
	Of      int    `json:"of,omitempty"` // of how many, in a file; 0 in older ones
	ID      string `json:"id"`           // of what decides its results; 32 hexadecimal digits
	Label   string `json:"label"`
	Command string `json:"command"`
	// Recipe is the command's flags by their names, as a recipe file has them.
	Recipe    Recipe  `json:"recipe"`
	Precision string  `json:"precision,omitempty"` // of products, where one was asked for
	Inputs    []Input `json:"inputs"`

	// What no result depends on.
	Program  string    `json:"program"` // that planned it
	Estimate *Estimate `json:"estimate,omitempty"`
}

// Recipe is flags with their values: a string, a number, true or false, or a
// list of such.
type Recipe map[string]any

// The kinds of inputs.
const (
	File    = "file"    // the hash is of its content
	List    = "list"    // a data set: of the list of its pictures, labels and class names
	Content = "content" // a data set: of its pictures' contents too
)

// Input is a file or a data set that a cell reads.
type Input struct {
	Flag   string `json:"flag"` // that names it
	Path   string `json:"path"`
	Kind   string `json:"kind"`
	Name   string `json:"name,omitempty"` // that results bear
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes,omitempty"`
	Count  int    `json:"count,omitempty"` // of pictures
}

// Estimate is what cells like this one have taken.
type Estimate struct {
	Seconds     float64 `json:"seconds"`
	MemoryBytes int64   `json:"memory_bytes,omitempty"`
	From        int     `json:"from"` // so many cells
}

// decidesNothing are flags whose values change no result: paths, for which the
// inputs' hashes stand, and how much is done at a time.
var decidesNothing = []string{"bank", "batch-images"}

// seal gives a cell its id.
func (c *Cell) seal() error {
	id, err := c.identity()
	c.ID = id
	return err
}

// identity is the hash of what decides the results, in one form for equal cells.
func (c *Cell) identity() (string, error) {
	named := map[string]bool{}
	type input struct {
		Flag, Kind, Name, SHA256 string
	}
	var inputs []input
	for _, in := range c.Inputs {
		named[in.Flag] = true
		inputs = append(inputs, input{in.Flag, in.Kind, in.Name, in.SHA256})
	}
	deciding := Recipe{}
	for flag, value := range c.Recipe {
		if !named[flag] && !slices.Contains(decidesNothing, flag) {
			deciding[flag] = value
		}
	}
	raw, err := json.Marshal(struct {
		Version   int
		Command   string
		Precision string
		Recipe    Recipe // a map's keys are in order
		Inputs    []input
	}{Version, c.Command, c.Precision, deciding, inputs})
	if err != nil {
		return "", fmt.Errorf("cell %q: %w", c.Label, err)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:16]), nil
}

// check refuses a line that is no cell of this program, or is not as written.
func (c *Cell) check(number int) error {
	switch {
	case c.Version > Version:
		return fmt.Errorf("it is of version %d, this program knows those up to %d: use a newer one", c.Version, Version)
	case c.Version < 1 || c.ID == "" || c.Recipe == nil:
		return fmt.Errorf("it is no cell of a plan: version, id and recipe are missing")
	case c.Number != number:
		return fmt.Errorf("it is cell %d where cell %d should be: lines were moved, removed or added", c.Number, number)
	case !slices.Contains([]string{Adapt, Tune, Encode}, c.Command):
		return fmt.Errorf("command %q: this program knows %s, %s and %s", c.Command, Adapt, Tune, Encode)
	}
	id, err := c.identity()
	if err != nil {
		return err
	}
	if id != c.ID {
		return fmt.Errorf("its id %.8s is not the %.8s of its content: it was edited; plan anew", c.ID, id)
	}
	return nil
}

// Texts are a flag's values as a command line has them, nil where it is not
// given.
func (r Recipe) Texts(flag string) []string {
	switch v := r[flag].(type) {
	case nil:
		return nil
	case []any:
		out := make([]string, len(v))
		for i, one := range v {
			out[i] = fmt.Sprint(one)
		}
		return out
	case []string:
		return slices.Clone(v)
	default:
		return []string{fmt.Sprint(v)}
	}
}

// Map replaces the beginning of paths, for a machine that has the files
// elsewhere: of two that fit, the longer.
func (c *Cell) Map(from, to []string, flags []string) {
	replace := func(path string) string {
		best := -1
		for i, f := range from {
			f = strings.TrimSuffix(f, "/")
			if (path == f || strings.HasPrefix(path, f+"/") || strings.HasPrefix(path, f+"#")) &&
				(best < 0 || len(f) > len(from[best])) {
				best = i
			}
		}
		if best < 0 {
			return path
		}
		return strings.TrimSuffix(to[best], "/") + strings.TrimPrefix(path, strings.TrimSuffix(from[best], "/"))
	}
	for i := range c.Inputs {
		c.Inputs[i].Path = replace(c.Inputs[i].Path)
	}
	for _, flag := range flags {
		texts := c.Recipe.Texts(flag)
		for i := range texts {
			texts[i] = replace(texts[i])
		}
		switch c.Recipe[flag].(type) {
		case nil:
		case string:
			c.Recipe[flag] = texts[0]
		default:
			c.Recipe[flag] = texts
		}
	}
}

// clone is a recipe read anew, so that equal cells are equal whether they were
// made or read.
func (r Recipe) clone() (Recipe, error) {
	raw, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	var out Recipe
	return out, decode(raw, &out)
}

func decode(raw []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber() // a seed has up to 64 bits
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if d.More() {
		return fmt.Errorf("there is more behind it")
	}
	return nil
}

package plan

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"clipcalib/internal/atomicfile"
	"clipcalib/internal/regular"
)

// The bounds of a plan: more is no plan, or a slip of the recipe.
const (
	MaxCells = 100_000
	maxLine  = 1 << 20
)

// Plan is cells in their order.
type Plan struct {
	Cells []Cell
	// Twice counts cells that were added again and left out.
	Twice int

	ids map[string]bool
}

// Add adds a cell, and gives it its number and id. One that is there already,
// under whatever words, is left out and counted.
func (p *Plan) Add(c Cell) error {
	if len(p.Cells) == MaxCells {
		return fmt.Errorf("a plan has at most %d cells", MaxCells)
	}
	var err error
	c.Version, c.Number = Version, len(p.Cells)
	if c.Recipe, err = c.Recipe.clone(); err != nil {
		return fmt.Errorf("cell %q: %w", c.Label, err)
	}
	if err := c.seal(); err != nil {
		return err
	}
	if p.ids == nil {
		p.ids = map[string]bool{}
	}
	if p.ids[c.ID] {
		p.Twice++
		return nil
	}
	p.ids[c.ID] = true
	p.Cells = append(p.Cells, c)
	return nil
}

// Write writes the lines.
func (p *Plan) Write(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, c := range p.Cells {
		c.Of = len(p.Cells)
		if err := enc.Encode(&c); err != nil {
			return err
		}
	}
	return nil
}

// WriteFile writes the plan, whole or not at all.
func (p *Plan) WriteFile(path string) error { return atomicfile.Write(path, p.Write) }

// Read reads a plan. Errors name the file and the line.
func Read(path string) (*Plan, error) {
	f, err := regular.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("plan %s: there is no such file", path)
	}
	if err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	defer f.Close()
	p, err := read(f)
	if err != nil {
		return nil, fmt.Errorf("plan %s: %w", path, err)
	}
	return p, nil
}

func read(r io.Reader) (*Plan, error) {
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxLine)
	p := &Plan{ids: map[string]bool{}}
	for s.Scan() {
		n := len(p.Cells)
		if n == MaxCells {
			return nil, fmt.Errorf("it has more than %d cells", MaxCells)
		}
		var c Cell
		if err := decode(s.Bytes(), &c); err != nil {
			return nil, fmt.Errorf("line %d: %w", n+1, err)
		}
		if err := c.check(n); err != nil {
			return nil, fmt.Errorf("line %d: %w", n+1, err)
		}
		if p.ids[c.ID] {
			return nil, fmt.Errorf("line %d: cell %.8s is there twice", n+1, c.ID)
		}
		p.ids[c.ID] = true
		p.Cells = append(p.Cells, c)
	}
	switch err := s.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, fmt.Errorf("line %d is longer than a cell is (%d bytes)", len(p.Cells)+1, maxLine)
	case err != nil:
		return nil, err
	case len(p.Cells) == 0:
		return nil, errors.New("it has no cells")
	}
	for i, c := range p.Cells {
		if c.Of != 0 && c.Of != len(p.Cells) {
			return nil, fmt.Errorf("line %d says that the plan has %d cells, and there are %d: it was cut short, or made of "+
				"two; copy it whole, and join plans with clipcalib plan A B --out C", i+1, c.Of, len(p.Cells))
		}
		p.Cells[i].Of = 0 // of the file alone
	}
	return p, nil
}

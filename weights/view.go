package weights

import (
	"fmt"
	"slices"
	"strings"
)

// View is a set of named parameters seen under a common prefix, so that a
// layer asks for "weight" and an error still says the full name.
type View struct {
	params  map[string]*param
	foreign map[string]string // names in the file where they differ, for errors
	others  []string          // tensors in the file that are no parameters, for errors
	prefix  string
	where   string // the file, for errors
}

// param is a parameter as a view shows it: one tensor, or several stacked
// along their first dimension (HuggingFace keeps query, key and value apart),
// or a matrix transposed.
type param struct {
	shape     []int
	parts     []*Tensor
	transpose bool
	rowScale  *Tensor // factor on each row, or nil
}

// View shows the tensors under their own names.
func (f *File) View() View {
	params := make(map[string]*param, len(f.tensors))
	for name, t := range f.tensors {
		params[name] = &param{shape: t.Shape, parts: []*Tensor{t}}
	}
	return View{params: params, where: f.name}
}

// Sub narrows the view to the names under prefix and a dot.
func (v View) Sub(prefix string) View {
	v.prefix = v.full(prefix)
	return v
}

func (v View) full(name string) string {
	if v.prefix == "" {
		return name
	}
	return v.prefix + "." + name
}

// Has reports whether the parameter exists.
func (v View) Has(name string) bool {
	_, ok := v.params[v.full(name)]
	return ok
}

// Shape returns the shape of a parameter.
func (v View) Shape(name string) ([]int, bool) {
	p, ok := v.params[v.full(name)]
	if !ok {
		return nil, false
	}
	return slices.Clone(p.shape), true
}

// Names lists the full names under the view's prefix, in byte order.
func (v View) Names() []string {
	var out []string
	for _, name := range sortedKeys(v.params) {
		if v.prefix == "" || strings.HasPrefix(name, v.prefix+".") {
			out = append(out, name)
		}
	}
	return out
}

// Get reads a parameter in row-major order as float32. Its numbers must be
// finite and its shape the one given, where -1 stands for any size; the error for a missing or
// misshapen parameter names it in full.
func (v View) Get(name string, shape ...int) ([]float32, error) {
	p, err := v.find(name, shape)
	if err != nil {
		return nil, err
	}
	n := 1
	for _, d := range p.shape {
		n *= d
	}
	dst := make([]float32, n)
	if err := p.readInto(dst); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", v.where, v.full(name), err)
	}
	return dst, nil
}

// Check is Get without reading the numbers.
func (v View) Check(name string, shape ...int) error {
	_, err := v.find(name, shape)
	return err
}

func (v View) find(name string, want []int) (*param, error) {
	full := v.full(name)
	p, ok := v.params[full]
	if !ok {
		return nil, fmt.Errorf("%s: %s is missing, want shape %s%s", v.where, v.title(full), shapeString(want),
			v.suggest(full))
	}
	if !sameShape(p.shape, want) {
		return nil, fmt.Errorf("%s: %s has shape %s, want %s", v.where, v.title(full), shapeString(p.shape),
			shapeString(want))
	}
	return p, nil
}

// title is a parameter's name, with the one in the file if that is another.
func (v View) title(full string) string {
	if f := v.foreign[full]; f != "" && f != full {
		return full + " (" + f + " in the file)"
	}
	return full
}

func (p *param) readInto(dst []float32) error {
	at := 0
	for _, t := range p.parts {
		if err := t.readFinite(dst[at : at+t.Len()]); err != nil {
			return err
		}
		at += t.Len()
	}
	if err := p.scaleRows(dst); err != nil {
		return err
	}
	if p.transpose {
		copy(dst, transposed(dst, p.shape[1], p.shape[0]))
	}
	return nil
}

// transposed returns the transpose of a rows by cols matrix.
func transposed(m []float32, rows, cols int) []float32 {
	out := make([]float32, len(m))
	for i := range rows {
		for j, x := range m[i*cols : (i+1)*cols] {
			out[j*rows+i] = x
		}
	}
	return out
}

// suggest names the existing parameters closest to a missing one.
func (v View) suggest(name string) string {
	type candidate struct {
		name     string
		distance int
	}
	var best []candidate
	for _, have := range append(sortedKeys(v.params), v.others...) {
		if d := editDistance(name, have, max(len(name)/3, 4)); d >= 0 {
			best = append(best, candidate{have, d})
		}
	}
	if len(best) == 0 {
		return ""
	}
	slices.SortStableFunc(best, func(a, b candidate) int { return a.distance - b.distance })
	var names []string
	for _, c := range best[:min(len(best), 3)] {
		names = append(names, c.name)
	}
	return "; the nearest names are " + strings.Join(names, ", ")
}

// editDistance is the Levenshtein distance, or -1 if it exceeds limit.
func editDistance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return -1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal, smallest := row[0], i+1
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
			smallest = min(smallest, cost)
		}
		if smallest > limit {
			return -1
		}
	}
	if d := row[len(b)]; d <= limit {
		return d
	}
	return -1
}

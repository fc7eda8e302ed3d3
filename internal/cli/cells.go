package cli

import (
	"fmt"
	"slices"
	"strings"

	"clipcalib/adapt"
	"clipcalib/adapt/prompt"
	"clipcalib/internal/settings"

	"github.com/spf13/pflag"
)

// cell is one training of a command: a single run, or one of a grid.
type cell struct {
	method string
	flags  adaptFlags
	choice choice
	label  string // what tells it from the others of its grid
}

// axes lists what the command line and the recipe file name, in the order of
// the cells: what decides the pictures first, the remedy last.
func (f *adaptFlags) axes(fl *pflag.FlagSet, v *varied, args []string) ([]axis, error) {
	method := axis{name: axisMethod}
	if len(args) > 0 {
		if err := (&listValue{Value: nothing{}, values: nil}).into(&method.values, args[0]); err != nil {
			return nil, usagef("METHOD: %w", err)
		}
	}
	var sets []axis
	for _, s := range f.set {
		name, _, _ := strings.Cut(s, "=")
		sets = append(sets, axis{axisSet + name, []string{s}})
	}
	if f.recipe != "" {
		r := recipeFile{path: f.recipe, flags: fl, vary: v, given: map[string]bool{}, methods: method.values}
		fl.Visit(func(f *pflag.Flag) { r.given[f.Name] = true })
		for _, s := range sets {
			r.sets = append(r.sets, strings.TrimPrefix(s.name, axisSet))
		}
		if err := r.read(); err != nil {
			return nil, err
		}
		method.values, sets, f.repeats = r.methods, append(sets, r.settings...), r.same
	}
	if len(method.values) == 0 {
		return nil, usagef("adapt: METHOD is missing, on the command line or as method in %s", f.recipe)
	}
	return inOrder(method, sets, v), nil
}

// inOrder lists the axes in the order of the cells.
func inOrder(method axis, sets []axis, v *varied) []axis {
	axes := v.axes("shots", "repeat", "seed", "views")
	last := []axis{method}
	if i := slices.IndexFunc(axes, func(a axis) bool { return a.name == "remedy" }); i >= 0 {
		last = append(last, axes[i])
		axes = slices.Delete(axes, i, i+1)
	}
	return slices.Concat(axes, sets, last)
}

// nothing is a flag that takes every value.
type nothing struct{}

func (nothing) String() string   { return "" }
func (nothing) Set(string) error { return nil }
func (nothing) Type() string     { return "string" }

// into reads a list of values that is no flag.
func (l *listValue) into(to *[]string, s string) error {
	err := l.Set(s)
	*to = l.values
	return err
}

// cells are the trainings that the axes ask for, each resolved.
func (f adaptFlags) cells(axes []axis) ([]cell, error) {
	all, err := points(axes)
	if err != nil {
		return nil, usageError{err}
	}
	several := map[string]bool{}
	for _, a := range axes {
		several[a.name] = len(a.values) > 1
	}
	var cells []cell
	seen, used := map[string]bool{}, map[string]bool{}
	for _, p := range all {
		c, err := f.at(p)
		if err != nil {
			return nil, err
		}
		if len(all) > 1 {
			c.flags.dropSettings(c.method, used)
			c.name(p, several)
		}
		// Settings that a cell has no use for make no cells of their own.
		if key := fmt.Sprintf("%s %+v", c.method, c.flags); !seen[key] {
			seen[key] = true
			cells = append(cells, c)
		}
	}
	for i := range cells {
		c := &cells[i]
		if c.choice, err = c.flags.choose(c.method); err != nil {
			if len(all) > 1 {
				err = fmt.Errorf("%s: %w", c.label, err)
			}
			return nil, err
		}
	}
	if len(all) == 1 {
		return cells, nil
	}
	for _, a := range axes {
		if name, ok := strings.CutPrefix(a.name, axisSet); ok && !used[name] {
			return nil, usagef("--set %s: no method, remedy or loss of the grid has such a setting", name)
		}
	}
	return cells, nil
}

// at is the cell at a point of the grid.
func (f adaptFlags) at(p point) (cell, error) {
	c := cell{flags: f, label: "the run"}
	c.flags.set = nil
	fl := pflag.NewFlagSet("", pflag.ContinueOnError)
	c.flags.addVaried(fl) // which also sets the defaults
	for _, a := range p {
		value := a.values[0]
		switch {
		case a.name == axisMethod:
			c.method = value
		case strings.HasPrefix(a.name, axisSet):
			c.flags.set = append(c.flags.set, value)
		default:
			if err := fl.Set(a.name, value); err != nil {
				return c, usagef("--%s: %w", a.name, err)
			}
		}
	}
	return c, nil
}

// name labels the cell with what tells it from the others.
func (c *cell) name(p point, several map[string]bool) {
	var label []string
	for _, a := range p {
		value := a.values[0]
		setting := strings.HasPrefix(a.name, axisSet)
		switch {
		case !several[a.name] || setting && !slices.Contains(c.flags.set, value):
		case setting || a.name == axisMethod:
			label = append(label, value)
		default:
			label = append(label, a.name+" "+value)
		}
	}
	c.label = strings.Join(label, ", ")
}

// dropSettings drops the settings that nothing chosen has, and notes the others
// as used. Names that are unknown are left to choose.
func (f *adaptFlags) dropSettings(method string, used map[string]bool) {
	if owners, err := f.owners(method); err == nil {
		f.set = settingsFor(f.set, owners, used)
	}
}

// settingsFor are the assignments that are for one of the owners.
func settingsFor(set []string, owners []settings.Owner, used map[string]bool) (kept []string) {
	for _, s := range set {
		key, _, _ := strings.Cut(s, "=")
		prefix, name, qualified := strings.Cut(key, ".")
		if !qualified {
			prefix, name = "", key
		}
		if slices.ContainsFunc(owners, func(o settings.Owner) bool {
			return (prefix == "" || prefix == o.Prefix) && settings.Has(o.Value, name)
		}) {
			used[key], kept = true, append(kept, s)
		}
	}
	return kept
}

// owners are what may have settings.
func (f *adaptFlags) owners(method string) ([]settings.Owner, error) {
	remedy, err := adapt.ParseRemedy(f.remedy)
	if err != nil {
		return nil, err
	}
	loss, err := adapt.ParseLoss(f.loss)
	if err != nil {
		return nil, err
	}
	owners := []settings.Owner{owner("remedy", &remedy), owner("loss", &loss)}
	if isPrompt(method) {
		m, err := prompt.ParseMethod(method)
		return append(owners, owner("method", &m)), err
	}
	m, err := adapt.ParseMethod(method)
	if err != nil {
		return nil, err
	}
	return append(owners, owner("method", &m)), nil
}

// folder names a cell's run below the folder of runs: for people by what is
// looked for first, and by the hash of the whole recipe.
func (c cell) folder(recipe string) string {
	parts := []string{c.method, c.choice.remedy().Name()}
	switch {
	case len(c.flags.features) > 0:
	case c.flags.shots < 1:
		parts = append(parts, "all")
	default:
		parts = append(parts, fmt.Sprintf("%dshot", c.flags.shots))
	}
	return fmt.Sprintf("%s-seed%d-%.8s", strings.Join(parts, "-"), c.flags.train.Seed, recipe)
}

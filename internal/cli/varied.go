package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// varied are the flags of a command that take several values, which make a grid
// of cells.
type varied struct {
	names []string
	lists map[string]*listValue
}

// listValue is a flag that may have several values, parted by commas. The flag
// behind it holds the last of them, and checks each.
type listValue struct {
	pflag.Value
	whole  bool // text, in which a comma is a comma
	values []string
}

// Set reads the flag.
func (l *listValue) Set(s string) error {
	if l.whole {
		return l.take([]string{s})
	}
	return l.take(strings.Split(s, ","))
}

func (l *listValue) take(values []string) error {
	for i, v := range values {
		if !l.whole {
			v = strings.TrimSpace(v)
			values[i] = v
		}
		if slices.Contains(values[:i], v) {
			return fmt.Errorf("%s is there twice", v)
		}
		if err := l.Value.Set(v); err != nil {
			return err
		}
	}
	l.values = values
	return nil
}

// vary adds the flags that add registers, as flags of several values.
func vary(fl *pflag.FlagSet, add func(*pflag.FlagSet), whole ...string) *varied {
	v := &varied{lists: map[string]*listValue{}}
	plain := pflag.NewFlagSet("", pflag.ContinueOnError)
	plain.SortFlags = false
	add(plain)
	plain.VisitAll(func(f *pflag.Flag) {
		l := &listValue{Value: f.Value, whole: slices.Contains(whole, f.Name)}
		f.Value = l
		fl.AddFlag(f)
		v.names, v.lists[f.Name] = append(v.names, f.Name), l
	})
	return v
}

// axis is a part of a recipe and the values that a grid has for it.
type axis struct {
	name   string
	values []string
}

// The axes that are no flags of one value.
const (
	axisMethod = "method"
	axisSet    = "set " // before the name of a setting
)

// point is one value of every axis, in their order.
type point []axis

// axes lists what was given, first what decides the pictures: cells of the same
// pictures then stand together.
func (v *varied) axes(first ...string) []axis {
	var out []axis
	for _, name := range append(first, v.names...) {
		l := v.lists[name]
		if len(l.values) > 0 && !slices.ContainsFunc(out, func(a axis) bool { return a.name == name }) {
			out = append(out, axis{name, l.values})
		}
	}
	return out
}

// maxCells bounds a grid: more is a slip of the recipe.
const maxCells = 100_000

// points are all combinations of the axes' values, the last axis fastest.
func points(axes []axis) ([]point, error) {
	out := []point{{}}
	for _, a := range axes {
		if len(out)*len(a.values) > maxCells {
			return nil, fmt.Errorf("the lists make more than %d cells: name fewer values", maxCells)
		}
		var next []point
		for _, p := range out {
			for _, v := range a.values {
				next = append(next, append(slices.Clone(p), axis{a.name, []string{v}}))
			}
		}
		out = next
	}
	return out, nil
}

// varyingOf names the flags of several values of a command.
func varyingOf(f interface{ add(*cobra.Command) *varied }) []string {
	return f.add(&cobra.Command{}).names
}

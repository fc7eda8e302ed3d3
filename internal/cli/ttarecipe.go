package cli

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// takeRecipe reads the flags that a file names, ahead of the check for required
// ones, and returns the arguments with its methods where none are given.
func (f *ttaFlags) takeRecipe(c *cobra.Command, v *varied, args []string) ([]string, error) {
	if f.recipe == "" {
		return args, nil
	}
	r := recipeFile{path: f.recipe, flags: c.Flags(), vary: v, given: map[string]bool{}}
	for _, name := range changed(c) {
		r.given[name] = true
	}
	if len(args) > 0 {
		r.methods = []string{args[0]}
		if len(args) > 1 { // targets behind the method
			r.given["data"] = true
		}
	}
	for _, s := range f.set {
		name, _, _ := strings.Cut(s, "=")
		r.sets = append(r.sets, name)
	}
	if err := r.read(); err != nil {
		return nil, err
	}
	for _, a := range r.settings {
		if len(a.values) > 1 {
			return nil, usagef("--recipe %s: %s has %d values, and tuning takes one of a setting: make a recipe of "+
				"each",
				f.recipe, strings.TrimPrefix(a.name, axisSet), len(a.values))
		}
		f.set = append(f.set, a.values...)
	}
	if len(r.methods) == 0 {
		return nil, usagef("METHOD is missing, on the command line or as method in %s", f.recipe)
	}
	if len(args) == 0 {
		return []string{strings.Join(r.methods, ",")}, nil
	}
	return args, nil
}

// changed are the flags that were given.
func changed(c *cobra.Command) (names []string) {
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Changed {
			names = append(names, f.Name)
		}
	})
	return names
}

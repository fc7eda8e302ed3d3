package cli

import (
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// mode is one of the ways in which a command works, such as on features in place
// of pictures.
type mode struct {
	says string   // behind "has no use"
	uses []string // the flags that it has a use for, of the command's own
}

// check refuses the first flag that was given and that the mode passes over.
func (m mode) check(c *cobra.Command) (err error) {
	c.Flags().Visit(func(f *pflag.Flag) {
		if err == nil && c.InheritedFlags().Lookup(f.Name) == nil && !slices.Contains(m.uses, f.Name) {
			err = usagef("%s: --%s has no use %s", c.Name(), f.Name, m.says)
		}
	})
	return err
}

// without is the mode's opposite: it uses every flag but those.
func without(c *cobra.Command, says string, flags ...string) mode {
	m := mode{says: says}
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if !slices.Contains(flags, f.Name) {
			m.uses = append(m.uses, f.Name)
		}
	})
	return m
}

// namesOf are the flags that add adds.
func namesOf(add func(*cobra.Command)) (names []string) {
	c := &cobra.Command{}
	add(c)
	c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}

// sourceNames are the flags of model and pictures.
func sourceNames() []string {
	return namesOf(func(c *cobra.Command) {
		var s sourceFlags
		s.add(c)
		s.addTruncate(c)
	})
}

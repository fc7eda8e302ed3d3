package cli

import (
	"fmt"
	"slices"
	"strings"

	"clipcalib/calib"
	"clipcalib/internal/paper"
	"clipcalib/internal/table"

	"github.com/spf13/cobra"
)

// setFlags say which conformal sets a table or report shows.
type setFlags struct {
	kinds    []string
	coverage float64
	splits   int
	c        *cobra.Command
}

func allSets() []string { return append(table.SetKinds(), table.FeatureSetKinds()...) }

func byFeatures(kind string) bool { return slices.Contains(table.FeatureSetKinds(), kind) }

// add adds the flags; fold says on what sets are calibrated.
func (f *setFlags) add(c *cobra.Command, fold string) {
	f.c = c
	c.Flags().Float64Var(&f.coverage, "coverage", 0.9, "of the conformal sets that are made where "+fold+
		"; given, tables have columns of them too")
	c.Flags().StringSliceVar(&f.kinds, "sets", []string{calib.LAC}, "how the conformal sets are made: "+
		strings.Join(allSets(), ", ")+"; given, tables have columns of them too")
	completesList(c, "sets", allSets()...)
}

func (f *setFlags) addSplits(c *cobra.Command) {
	c.Flags().IntVar(&f.splits, "splits", 0, "calibrate the conformal sets on half of what is measured, drawn so many "+
		"times, in place of a fold of its own")
}

// given says that a flag was, and so that tables show sets.
func (f *setFlags) given() bool {
	return f.c != nil && slices.ContainsFunc([]string{"coverage", "sets", "splits"}, func(name string) bool {
		return f.c.Flags().Changed(name)
	})
}

// check refuses what no sets can be made by.
func (f *setFlags) check() error {
	if !(f.coverage > 0 && f.coverage < 1) {
		return usagef("--coverage %g: want a share between 0 and 1, both excluded, as 0.9", f.coverage)
	}
	var kinds []string
	for _, kind := range f.kinds {
		if !slices.Contains(allSets(), kind) {
			return usagef("--sets %s: choose %s", kind, strings.Join(allSets(), ", "))
		}
		if f.splits > 0 && byFeatures(kind) {
			return usagef("--sets %s adapts to a fold of its own: leave out --splits", kind)
		}
		if !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	if f.kinds = kinds; len(kinds) == 0 {
		return usagef("--sets: choose %s", strings.Join(allSets(), ", "))
	}
	if f.splits < 0 || f.splits == 1 || f.splits > table.MostSplits {
		return usagef("--splits %d: want 2 to %d, or 0 for a fold of its own", f.splits, table.MostSplits)
	}
	return nil
}

// asked are the sets of a table, nil for none.
func (f *setFlags) asked() *paper.Asked {
	if !f.given() {
		return nil
	}
	return &paper.Asked{Coverage: f.coverage, Kinds: f.kinds, Splits: f.splits}
}

// tooFew refuses a fold that no coverage follows from; "" for one that is enough.
func tooFew(a *paper.Asked, samples int) string {
	if least := table.LeastFold(a.Coverage); samples < least {
		return fmt.Sprintf("%d samples, and a coverage of %g wants at least %d", samples, a.Coverage, least)
	}
	return ""
}

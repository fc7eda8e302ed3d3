package cli

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"clipcalib/adapt"
	"clipcalib/adapt/testtime"
	"clipcalib/internal/features"
	"clipcalib/internal/pin"
	"clipcalib/internal/settings"

	"github.com/spf13/pflag"
)

// tuning is one run of test-time tuning with its names resolved.
type tuning struct {
	ttaFlags
	method     testtime.Method
	withRemedy adapt.Remedy
	resolved   testtime.Options
	assigned   []string   // of --set, what it has a use for
	given      *pin.Views // of --pin
	fpp        testtime.FPP
	learned    *starts
	label      string // what tells it from the others of its grid
}

// cells are the runs that the flags ask for.
func (f ttaFlags) cells(methods string, v *varied) ([]tuning, error) {
	method := &listValue{Value: nothing{}}
	if err := method.Set(methods); err != nil {
		return nil, usagef("METHOD: %w", err)
	}
	axes := append(v.axes("seed"), axis{axisMethod, method.values})
	all, err := points(axes)
	if err != nil {
		return nil, usageError{err}
	}
	used, learned := map[string]bool{}, &starts{of: map[string][]float32{}}
	var cells []tuning
	for _, p := range all {
		c := tuning{ttaFlags: f, label: methods, learned: learned}
		fl := pflag.NewFlagSet("", pflag.ContinueOnError)
		c.addVaried(fl) // which also sets the defaults
		name := p[len(p)-1].values[0]
		var label []string
		for i, a := range p {
			if a.name != axisMethod {
				if err := fl.Set(a.name, a.values[0]); err != nil {
					return nil, usagef("--%s: %w", a.name, err)
				}
			}
			if len(axes[i].values) > 1 {
				label = append(label, strings.TrimPrefix(a.name+" "+a.values[0], axisMethod+" "))
			}
		}
		if len(label) > 0 {
			c.label = strings.Join(label, ", ")
		}
		if err := c.resolve(name, len(all) > 1, used); err != nil {
			return nil, err
		}
		cells = append(cells, c)
	}
	for _, s := range f.set {
		if name, _, _ := strings.Cut(s, "="); len(all) > 1 && !used[name] {
			return nil, usagef("--set %s: no method or remedy of the grid has such a setting", name)
		}
	}
	return cells, nil
}

// resolve finds what the names stand for. In a grid, settings count where they
// are had.
func (c *tuning) resolve(method string, grid bool, used map[string]bool) (err error) {
	if c.method, err = testtime.ParseMethod(method); err != nil {
		return usageError{err}
	}
	if c.withRemedy, err = adapt.ParseRemedy(c.remedy); err != nil {
		return usageError{err}
	}
	if adapt.NeedsTexts(c.withRemedy) {
		return usagef("--remedy %s is for learned prompts, which adapt trains, not for tuning at test time", c.remedy)
	}
	owners := []settings.Owner{owner("method", &c.method), owner("remedy", &c.withRemedy)}
	more, err := c.chooseStart()
	if err != nil {
		return err
	}
	owners = append(owners, more...)
	c.assigned = slices.Clone(c.set)
	if grid {
		c.assigned = settingsFor(c.assigned, owners, used)
	}
	if err := set(c.assigned, owners...); err != nil {
		return err
	}
	for _, v := range owners {
		if err := v.Check(); err != nil {
			return usagef("--set: %s %s: %w", v.Prefix, v.Name, err)
		}
	}
	if len(more) > 0 {
		c.tune.FPP = &c.fpp
	}
	decay := c.decay
	c.tune.WeightDecay = &decay
	c.tune.Compat, c.tune.Truncate = adapt.Compat(c.compat), c.source.truncate
	if c.resolved, err = c.tune.Resolved(); err != nil {
		return usageError{err}
	}
	return nil
}

// folder names the run below the folder of runs, by what is looked for first
// and by the hash of all that decides it.
func (c tuning) folder(src *features.Source) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%v", []any{
		c.method.Name(), settings.Values(c.method), c.withRemedy.Name(), settings.Values(c.withRemedy),
		c.resolved.Context, c.resolved.Views, c.resolved.Keep, c.resolved.LR, c.decay, c.resolved.AugMix,
		c.resolved.Seed,
		c.compat, testtime.ViewKey, c.tune.Truncate, src.Weights, src.Preprocessing(features.Views{}),
	}))
	method := c.method.Name()
	if c.tune.FPP != nil {
		sum = sha256.Sum256(fmt.Appendf(sum[:], "%v", settings.Values(*c.tune.FPP)))
		method = "fpp-" + method
	}
	return fmt.Sprintf("%s-%s-seed%d-%x", method, c.withRemedy.Name(), c.resolved.Seed, sum[:4])
}

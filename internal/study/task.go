package study

import (
	"fmt"
	"slices"
	"strings"

	"clipcalib/internal/data"
	"clipcalib/internal/recipe"
)

// The families of methods.
const (
	Adapters = "adapters"
	Prompts  = "prompts"
	TestTime = "test-time"
)

// Families lists them.
var Families = []string{Adapters, Prompts, TestTime}

// Where a run is measured.
const (
	Fold     = "validation" // of the source: all that is chosen or fitted is on it
	Home     = "home"       // the source's test part; of learned prompts its base classes
	Drift    = "drift"      // the same classes where pictures drift
	New      = "new"        // the source's classes that prompts did not learn
	NewDrift = "new drift"  // those, where pictures drift
)

// Wheres lists the places that are measured, in the order of the page.
var Wheres = []string{Home, Drift, New, NewDrift}

// Task is a classification problem: what is learnt from, and where it drifts.
type Task struct {
	Name, Title string
	Source      string   // data set with parts train, val and test
	Drifts      []string // data sets of the same classes
	// Few and FewDrifts are Source and Drifts with fewer pictures, for methods that
	// are tuned on each; the same where there are no others.
	Few       string
	FewDrifts []string
	Templates []string // of the zero-shot prompts of adapters, the first that of prompts
	Shots     int
}

// Place is a part of a data set as a target.
type Place struct{ Spec, Where string }

// Places are the targets of a family.
func (t Task) Places(family string) []Place {
	of := func(source string, drifts []string, half, home, drift string) (out []Place) {
		if home == Home {
			out = append(out, Place{source + "#val" + half, Fold})
		}
		out = append(out, Place{source + "#test" + half, home})
		for _, d := range drifts {
			out = append(out, Place{d + half, drift})
		}
		return out
	}
	switch family {
	case Prompts:
		return slices.Concat(of(t.Source, t.Drifts, "#"+data.Base, Home, Drift),
			of(t.Source, t.Drifts, "#"+data.New, New, NewDrift))
	case TestTime:
		return of(t.Few, t.FewDrifts, "", Home, Drift)
	}
	return of(t.Source, t.Drifts, "", Home, Drift)
}

// phrase is the words ahead of the class in the first template.
func (t Task) phrase() string {
	before, _, _ := strings.Cut(t.Templates[0], "{}")
	return strings.TrimSpace(before)
}

// Step is one command of the study: a grid of runs, or one of test-time tuning.
type Step struct {
	Task   Task
	Family string
	Recipe recipe.Recipe
	// Prefix and Suffix tell the methods of the step from those of the same name in
	// others, such as "fpp+" or " (minimise)".
	Prefix, Suffix string
	// Choose, unless empty, are settings of which the first run on the validation
	// fold decides: each is a list of name=value.
	Choose [][]string
}

// Method is the name in the study of a method of the step.
func (s Step) Method(name string) string { return s.Prefix + name + s.Suffix }

// Options are the size of a study.
type Options struct {
	Weights string
	Seeds   map[string]int // by family
	Slow    int            // seeds of the slow prompt learners
	Only    []string       // tasks, families, methods, remedies; each kind that is named restricts
}

var (
	adapterMethods = []string{"zslp", "clip-adapter", "tip-adapter", "tip-adapter-f", "taskres", "clap"}
	promptMethods  = []string{"coop", "kgcoop", "prograd", "maple"}
	slowPrompts    = []string{"cocoop", "promptsrc"}
	tunedMethods   = []string{"tpt", "c-tpt", "o-tpt"}
	trained        = []string{"none", "zs-norm", "penalty"}
)

// Steps are the commands that the study of a task consists of, largest families
// last. What acts on finished logits is no step: it is made from the logits.
func (t Task) Steps(o Options) (steps []Step) {
	base := func(family, name, command string, seeds int, methods, remedies []string) Step {
		r := recipe.Recipe{ID: "study/" + t.Name + "-" + name, Command: command, Methods: methods}
		var all []string
		for s := range seeds {
			all = append(all, fmt.Sprint(s+1))
		}
		r = r.With("weights", o.Weights).With("remedy", remedies...).With("seed", all...)
		var targets []string
		for _, p := range t.Places(family) {
			targets = append(targets, p.Spec)
		}
		if command == recipe.Adapt {
			r = r.With("data", t.Source).With("targets", targets...).
				With("shots", fmt.Sprint(t.Shots)).With("views", "-1")
		} else {
			r = r.With("data", targets...)
		}
		return Step{Task: t, Family: family, Recipe: r}
	}
	adapters := base(Adapters, "adapters", recipe.Adapt, o.Seeds[Adapters], adapterMethods, trained)
	adapters.Recipe = adapters.Recipe.With("template", t.Templates...)
	steps = append(steps, adapters)
	for _, p := range []struct {
		name    string
		methods []string
		seeds   int
	}{{"prompts", promptMethods, o.Seeds[Prompts]}, {"slow-prompts", slowPrompts, o.Slow}} {
		s := base(Prompts, p.name, recipe.Adapt, p.seeds, p.methods, append(slices.Clone(trained), "tcpt"))
		s.Recipe = s.Recipe.With("data", t.Source+"#"+data.Base).With("template", t.Templates[0]).
			With("context", t.phrase())
		steps = append(steps, s)
	}
	tune := func(name string, methods, remedies []string) Step {
		s := base(TestTime, name, recipe.Tune, o.Seeds[TestTime], methods, remedies)
		s.Recipe = s.Recipe.With("context", t.phrase())
		return s
	}
	steps = append(steps, tune("test-time", tunedMethods, trained))
	fpp := tune("fpp", tunedMethods, trained)
	fpp.Recipe, fpp.Prefix = fpp.Recipe.With("start", "fpp"), "fpp+"
	steps = append(steps, fpp)
	for _, sign := range []string{"maximise", "minimise"} {
		s := tune("a-tpt-"+sign, []string{"a-tpt"}, trained)
		s.Recipe, s.Suffix = s.Recipe.WithSetting("sign", sign), " ("+sign+")"
		steps = append(steps, s)
	}
	soc := tune("soc", []string{"soc"}, trained)
	for _, lambda := range []string{"1", "10", "50"} {
		for _, delta := range []string{"0.3", "0.9"} {
			soc.Choose = append(soc.Choose, []string{"method.lambda=" + lambda, "method.delta=" + delta})
		}
	}
	return o.restrict(append(steps, soc))
}

// restrict leaves of steps what is asked for.
func (o Options) restrict(steps []Step) (kept []Step) {
	named := func(all ...string) bool {
		return !slices.ContainsFunc(all, func(n string) bool { return slices.Contains(o.Only, n) })
	}
	pick := func(all []string) []string {
		if named(all...) {
			return all
		}
		return slices.DeleteFunc(slices.Clone(all), func(n string) bool { return !slices.Contains(o.Only, n) })
	}
	methods := map[string]bool{}
	for _, s := range steps {
		for _, m := range s.Recipe.Methods {
			methods[s.Method(m)] = slices.Contains(o.Only, s.Method(m)) || slices.Contains(o.Only, m)
		}
	}
	some := slices.Contains(slices.Collect(valuesOf(methods)), true)
	for _, s := range steps {
		if !named(Families...) && !slices.Contains(o.Only, s.Family) || len(s.Recipe.Seeds()) == 0 ||
			s.Recipe.Seeds()[0] == "" {
			continue
		}
		var have []string
		for _, m := range s.Recipe.Methods {
			if !some || methods[s.Method(m)] {
				have = append(have, m)
			}
		}
		remedies := pick(s.Recipe.Remedies())
		if len(have) == 0 {
			continue
		}
		if !slices.Contains(remedies, "none") { // what all are compared with
			remedies = append([]string{"none"}, remedies...)
		}
		s.Recipe.Methods = have
		s.Recipe = s.Recipe.With("remedy", remedies...)
		kept = append(kept, s)
	}
	return kept
}

func valuesOf[K comparable, V any](m map[K]V) func(func(V) bool) {
	return func(yield func(V) bool) {
		for _, v := range m {
			if !yield(v) {
				return
			}
		}
	}
}

// Words are what Only may name, for tasks of these names.
func Words(tasks []string) []string {
	return slices.Concat(tasks, Families, adapterMethods, promptMethods, slowPrompts, tunedMethods,
		[]string{"fpp+tpt", "fpp+c-tpt", "fpp+o-tpt", "a-tpt", "a-tpt (maximise)", "a-tpt (minimise)", "soc"},
		trained, []string{"tcpt"})
}

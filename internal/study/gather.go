package study

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"clipcalib/calib"
	"clipcalib/internal/run"
)

// ZeroShot is the method of the rows of the model as it is.
const ZeroShot = "zero-shot"

// Run is a finished run of the study and where it was measured.
type Run struct {
	Key     // of what was trained
	Seed    string
	Targets []Target
}

// Target is the folder of an evaluation.
type Target struct{ Dir, Where string }

// Results are all figures of a study.
type Results struct {
	Cells       []Cell
	Differences []Difference
}

// row is a row with what it gave under every seed.
type row struct {
	Key
	seeds []string
	of    map[string][]measured
}

func (r *row) add(seed string, all []measured) {
	if r.of == nil {
		r.of = map[string][]measured{}
	}
	r.seeds, r.of[seed] = append(r.seeds, seed), all
}

// rows are those of a task, family and method, and the zero-shot model's beside
// them, in order.
type rows struct{ list []*row }

func (r *rows) at(k Key) *row {
	for _, x := range r.list {
		if x.Key == k {
			return x
		}
	}
	r.list = append(r.list, &row{Key: k})
	return r.list[len(r.list)-1]
}

// Gather makes the rows of all runs, measures and compares them. Told, unless nil,
// hears what is being done.
func Gather(ctx context.Context, runs []Run, bins int, opt calib.BootstrapOptions, told func(string)) (Results, error) {
	var out Results
	type group struct{ family, method string }
	var order []group
	by := map[group][]Run{}
	for _, r := range runs {
		g := group{r.Family, r.Method}
		if by[g] == nil {
			order = append(order, g)
		}
		by[g] = append(by[g], r)
	}
	slices.SortStableFunc(order, func(a, b group) int { // TPT, with which others are compared, ahead of them
		return cmp.Or(cmp.Compare(slices.Index(Families, a.family), slices.Index(Families, b.family)),
			cmp.Compare(last(a.method != TPT), last(b.method != TPT)))
	})
	zero := map[[2]string]*rows{} // by family and task
	tpt := map[string]*row{}      // without a remedy, by task
	book := sampleBook{}
	opt.Bins = bins
	for _, g := range order {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		if told != nil {
			told(g.family + ", " + g.method)
		}
		if err := out.group(by[g], book, zero, tpt, bins, opt); err != nil {
			return out, fmt.Errorf("%s, %s: %w", g.family, g.method, err)
		}
	}
	return out, adjust(out.Differences)
}

func last(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// loaded is a run with its logits.
type loaded struct {
	Run
	logits []Logits // of remedy DAC apart
	dac    []Logits
}

// group takes up the runs of a method of all tasks.
func (out *Results) group(runs []Run, book sampleBook, zero map[[2]string]*rows, tpt map[string]*row, bins int,
	opt calib.BootstrapOptions) error {
	var all []loaded
	var tasks []string
	temperatures, zeroTemperatures := map[[2]string]float64{}, map[string]float64{} // by task and seed; by task
	for _, r := range runs {
		l, err := load(r, book)
		if err != nil {
			return err
		}
		all = append(all, l)
		if !slices.Contains(tasks, r.Task) {
			tasks = append(tasks, r.Task)
		}
		if r.Remedy != "none" {
			continue
		}
		if temperatures[[2]string{r.Task, r.Seed}], err = FitTemperature(l.logits); err != nil {
			return err
		}
		if zeroTemperatures[r.Task] == 0 {
			if zeroTemperatures[r.Task], err = FitTemperature(asZeroShot(l.logits)); err != nil {
				return err
			}
		}
	}
	for _, task := range tasks {
		made := &rows{}
		other := slices.IndexFunc(tasks, func(t string) bool { return t != task })
		for _, l := range all {
			if l.Task != task {
				continue
			}
			zk := [2]string{l.Family, task}
			if zero[zk] == nil {
				zero[zk] = &rows{}
				k := l.Key
				k.Method, k.Remedy = ZeroShot, "none"
				from := 0.0
				if other >= 0 {
					from = zeroTemperatures[tasks[other]]
				}
				if err := zero[zk].variants(k, "", asZeroShot(l.logits), nil, from, bins); err != nil {
					return err
				}
				out.take(zero[zk])
			}
			from := 0.0
			if other >= 0 {
				from = temperatures[[2]string{tasks[other], l.Seed}]
			}
			if err := made.variants(l.Key, l.Seed, l.logits, l.dac, from, bins); err != nil {
				return fmt.Errorf("remedy %s, seed %s: %w", l.Remedy, l.Seed, err)
			}
		}
		out.take(made)
		found, err := made.compare(zero[[2]string{runs[0].Family, task}].list[0], opt)
		if err != nil {
			return err
		}
		out.Differences = append(out.Differences, found...)
		if runs[0].Family == TestTime {
			if found, err = made.besideTPT(tpt, opt); err != nil {
				return err
			}
			out.Differences = append(out.Differences, found...)
		}
	}
	return nil
}

func (out *Results) take(r *rows) {
	for _, x := range r.list {
		for _, seed := range x.seeds {
			out.Cells = append(out.Cells, cellsOf(x.Key, seed, x.of[seed])...)
		}
	}
}

// variants adds the row of a run, and those that its logits give by what acts on
// finished logits. Of a run under a remedy that is SaLS alone.
func (r *rows) variants(k Key, seed string, logits, dac []Logits, transferred float64, bins int) error {
	add := func(remedy string, all []Logits, err error) error {
		if err != nil {
			return fmt.Errorf("%s: %w", remedy, err)
		}
		m, errs := make([]measured, len(all)), make([]error, len(all))
		var at sync.WaitGroup
		for i, l := range all {
			at.Go(func() { m[i], errs[i] = measure(l, bins) })
		}
		at.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
		key := k
		key.Remedy = remedy
		r.at(key).add(seed, m)
		return nil
	}
	if err := add(k.Remedy, logits, nil); err != nil {
		return err
	}
	if k.Method != ZeroShot {
		mapped, err := sals(logits)
		if err := add(withSaLS(k.Remedy), mapped, err); err != nil {
			return err
		}
	}
	if k.Remedy != "none" {
		return nil
	}
	every, err := hasEveryClass(logits)
	if err != nil {
		return err
	}
	for _, kind := range []string{Temperature, Vector, Isotonic} {
		if kind != Temperature && (k.Method == ZeroShot || !every) {
			continue
		}
		mapped, err := calibrated(fitted[kind], logits)
		if err := add(kind, mapped, err); err != nil {
			return err
		}
	}
	if transferred > 0 {
		mapped, err := scaled(logits, transferred)
		if err := add(Transferred, mapped, err); err != nil {
			return err
		}
	}
	places := 0
	for _, l := range logits {
		if strings.HasPrefix(l.Where, New) {
			places++
		}
	}
	if len(dac) > 0 && len(dac) == places {
		return add(DAC, dac, nil)
	}
	return nil
}

func asZeroShot(all []Logits) []Logits {
	out := slices.Clone(all)
	for i := range out {
		out[i].Logits = out[i].ZeroShot
	}
	return out
}

// load reads a run's logits, of the samples that the book has.
func load(r Run, book sampleBook) (l loaded, err error) {
	l.Run = r
	for _, t := range r.Targets {
		e, err := run.ReadEvaluation(t.Dir)
		if err != nil {
			return l, err
		}
		if err := book.take(r.Key, e); err != nil {
			return l, err
		}
		one := Logits{Where: t.Where, Set: e.Target.Inputs.Data, Logits: e.Logits, ZeroShot: e.ZeroShot,
			Labels: e.Labels}
		if e.Target.Remedy == DAC {
			l.dac = append(l.dac, one)
		} else {
			l.logits = append(l.logits, one)
		}
	}
	return l, nil
}

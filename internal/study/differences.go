package study

import (
	"fmt"
	"math"
	"slices"

	"clipcalib/calib"

	"gonum.org/v1/gonum/stat/distuv"
)

// Difference is a row less what it is compared with, in one place: paired by seed,
// by target and by sample.
type Difference struct {
	Key
	Against string // a remedy of the same method, or ZeroShot
	Where   string
	Metric  string // "accuracy" or "ece"
	Seeds   int
	Value   float64
	// Low and High are the interval of 95 per cent: a normal one, whose variance is
	// that of the paired bootstrap over samples plus that of the mean over seeds.
	Low, High float64
	P         float64 // of no difference
	Adjusted  float64 // for the number of differences of the study (Benjamini and Hochberg)
}

// None says that nothing changes on any sample: known, and no test.
func (d Difference) None() bool { return d.Value == 0 && d.Low == 0 && d.High == 0 }

// Told says that the difference is told from zero, the number of all being counted.
func (d Difference) Told() bool { return !d.None() && d.Adjusted <= 0.05 }

// IncludesZero says that the interval does.
func (d Difference) IncludesZero() bool { return d.Low <= 0 && d.High >= 0 }

// compare compares every row with that without a remedy, that with the zero-shot
// model's, and combinations with SaLS also with their part in training.
func (r *rows) compare(zero *row, opt calib.BootstrapOptions) (out []Difference, err error) {
	find := func(remedy string) *row {
		i := slices.IndexFunc(r.list, func(x *row) bool { return x.Remedy == remedy })
		if i < 0 {
			return nil
		}
		return r.list[i]
	}
	for _, b := range r.list {
		against := map[string]*row{}
		if b.Remedy == "none" {
			against[ZeroShot] = zero
		} else {
			against["none"] = find("none")
		}
		for _, part := range []string{"zs-norm", "penalty", "tcpt"} {
			if b.Remedy == withSaLS(part) {
				against[part] = find(part)
			}
		}
		for _, name := range []string{ZeroShot, "none", "zs-norm", "penalty", "tcpt"} {
			if against[name] == nil {
				continue
			}
			for _, where := range Wheres {
				found, err := difference(against[name], b, where, opt)
				if err != nil {
					return nil, fmt.Errorf("%s against %s, %s: %w", b.Remedy, name, where, err)
				}
				for i := range found {
					found[i].Against = name
				}
				out = append(out, found...)
			}
		}
	}
	return out, nil
}

// TPT is the method that others of test-time tuning are compared with.
const TPT = "tpt"

// besideTPT compares a method without a remedy with TPT without one, whose rows
// come first.
func (r *rows) besideTPT(tpt map[string]*row, opt calib.BootstrapOptions) (out []Difference, err error) {
	for _, b := range r.list {
		if b.Remedy != "none" {
			continue
		}
		if b.Method == TPT {
			tpt[b.Task] = b
		}
		if b.Method == TPT || tpt[b.Task] == nil {
			continue
		}
		for _, where := range Wheres {
			found, err := difference(tpt[b.Task], b, where, opt)
			if err != nil {
				return nil, fmt.Errorf("against %s, %s: %w", TPT, where, err)
			}
			for i := range found {
				found[i].Against = TPT
			}
			out = append(out, found...)
		}
	}
	return out, nil
}

// resampledSeeds are the seeds whose mean difference is resampled: of more, the
// variance over samples is hardly less, for they share the samples.
const resampledSeeds = 3

// difference is that of b and a in one place.
func difference(a, b *row, where string, opt calib.BootstrapOptions) (out []Difference, err error) {
	type pairs struct{ a, b []calib.Predictions }
	var groups []*pairs // of targets with the same labels, which are resampled together
	var labels [][]int
	targets := 0
	values := map[string][]float64{} // by metric, one a seed
	for _, seed := range b.seeds {
		ofA, ok := a.of[seed]
		if !ok {
			ofA, ok = a.of[""] // the zero-shot model has no seed
		}
		if !ok {
			continue
		}
		x, y := in(ofA, where), in(b.of[seed], where)
		if len(y) == 0 { // not for these classes
			continue
		}
		if y, err = paired(x, y); err != nil {
			return nil, fmt.Errorf("seed %s: %w", seed, err)
		}
		targets = len(x)
		accuracy, ece := 0.0, 0.0
		for i := range x {
			g := slices.IndexFunc(labels, func(l []int) bool { return slices.Equal(l, x[i].labels) })
			if g < 0 {
				g = len(groups)
				groups, labels = append(groups, &pairs{}), append(labels, x[i].labels)
			}
			if len(values["ece"]) < resampledSeeds {
				groups[g].a, groups[g].b = append(groups[g].a, x[i].predictions), append(groups[g].b, y[i].predictions)
			}
			accuracy += (y[i].metrics.Accuracy - x[i].metrics.Accuracy) / float64(len(x))
			ece += (y[i].metrics.ECE - x[i].metrics.ECE) / float64(len(x))
		}
		values["accuracy"], values["ece"] = append(values["accuracy"], accuracy), append(values["ece"], ece)
	}
	if targets == 0 {
		return nil, nil
	}
	variance := map[string]float64{}
	seeds := len(values["ece"])
	resampled := min(seeds, resampledSeeds)
	for _, g := range groups {
		found, err := calib.PairedBootstrapMean(g.a, g.b, opt)
		if err != nil {
			return nil, err
		}
		share := float64(len(g.a)) / float64(resampled*targets)
		for metric := range values {
			variance[metric] += math.Pow(share*found[metric].StandardError, 2)
		}
	}
	for _, metric := range []string{"accuracy", "ece"} {
		d := Difference{Key: b.Key, Where: where, Metric: metric, Seeds: seeds}
		mean, spread := meanAndVariance(values[metric])
		d.Value = mean
		sigma := math.Sqrt(variance[metric] + spread/float64(seeds))
		d.Low, d.High, d.P = mean-1.959963984540054*sigma, mean+1.959963984540054*sigma, 1
		if sigma > 0 {
			d.P = 2 * distuv.UnitNormal.Survival(math.Abs(mean)/sigma)
		}
		out = append(out, d)
	}
	return out, nil
}

// paired are a row's figures in the order of the targets that those of another are
// in; both must be of the same samples.
func paired(x, y []measured) (ordered []measured, err error) {
	if len(x) != len(y) {
		return nil, fmt.Errorf("%d and %d targets", len(x), len(y))
	}
	for _, a := range x {
		i := slices.IndexFunc(y, func(b measured) bool { return b.set == a.set })
		if i < 0 {
			return nil, fmt.Errorf("nothing on %s, which the other row was measured on", a.set)
		}
		if b := y[i]; !slices.Equal(a.labels, b.labels) {
			return nil, fmt.Errorf("%s: the %d and %d samples have other labels, and so are not the same", a.set,
				len(a.labels), len(b.labels))
		}
		ordered = append(ordered, y[i])
	}
	return ordered, nil
}

func in(all []measured, where string) (out []measured) {
	for _, m := range all {
		if m.where == where {
			out = append(out, m)
		}
	}
	return out
}

// meanAndVariance are those of values, the variance 0 for one alone.
func meanAndVariance(v []float64) (mean, variance float64) {
	for _, x := range v {
		mean += x / float64(len(v))
	}
	for _, x := range v {
		variance += (x - mean) * (x - mean) / float64(max(1, len(v)-1))
	}
	return mean, variance
}

// adjust counts all differences that are tests.
func adjust(all []Difference) error {
	var p []float64
	for _, d := range all {
		if !d.None() {
			p = append(p, d.P)
		}
	}
	adjusted, err := calib.BenjaminiHochberg(p)
	if err != nil {
		return err
	}
	for i, d := range all {
		if all[i].Adjusted = 1; !d.None() {
			all[i].Adjusted, adjusted = adjusted[0], adjusted[1:]
		}
	}
	return nil
}

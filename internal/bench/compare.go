package bench

import (
	"fmt"
	"math"
)

// Pair is one measurement by two runs.
type Pair struct {
	Precision string  `json:"precision"`
	What      string  `json:"what"`
	Model     string  `json:"model,omitempty"`
	Batch     int     `json:"batch,omitempty"`
	Unit      string  `json:"unit"`
	A         float64 `json:"a"`
	B         float64 `json:"b"`
	Ratio     float64 `json:"ratio"`               // B over A
	AStd      float64 `json:"a_rel_std,omitempty"` // relative standard deviations of the groups; 0 where unknown
	BStd      float64 `json:"b_rel_std,omitempty"` //
	Noise     float64 `json:"noise,omitempty"`     // a ratio so far from 1 may be chance, see Verdict; 0 where unknown
	Verdict   string  `json:"verdict"`             // of B beside A
}

// Verdicts on a pair. Noise is two standard deviations of the difference of two
// groups of runs, by both spreads: what two measurements of one program may
// differ by. It does not know what changes from day to day.
const (
	WithinNoise = "within noise"
	Faster      = "faster"
	Slower      = "slower"
	Unknown     = "spread unknown"
)

// Distinct is an error that names what r measures more than once: a comparison
// could not say which of the values it is of.
func (r Result) Distinct() error {
	found := map[Pair]Pair{}
	for _, p := range rates(r) {
		if q, ok := found[p.key()]; ok {
			return fmt.Errorf("%q is measured twice, as %s and %s %s: leave one of them in the file",
				p.name(), number(q.A), number(p.A), p.Unit)
		}
		found[p.key()] = p
	}
	return nil
}

// schemaRates says how the rates of each schema came about.
var schemaRates = map[int]string{
	1: "schema 1: a rate is the median of up to five groups of runs, which fill the whole of --time",
	2: "schema 2: a rate is the median of the last ten groups of runs, measured until they agree or --time is up",
}

// SchemasDiffer says how the rates of two results of different schemas came about,
// one line each; nil where the schemas are one.
func SchemasDiffer(a, b Result) []string {
	if a.Schema == b.Schema {
		return nil
	}
	return []string{"A has " + schemaRates[a.Schema], "B has " + schemaRates[b.Schema]}
}

// Compare pairs what both results, each of them [Result.Distinct], measured, in the
// order of a, and returns the names of what only one of them has.
func Compare(a, b Result) (pairs []Pair, onlyA, onlyB []string) {
	other := map[Pair]Pair{}
	for _, p := range rates(b) {
		other[p.key()] = p
	}
	found := map[Pair]bool{}
	for _, p := range rates(a) {
		q, ok := other[p.key()]
		if !ok {
			onlyA = append(onlyA, p.name())
			continue
		}
		found[p.key()] = true
		pairs = append(pairs, p.beside(q))
	}
	for _, q := range rates(b) {
		if !found[q.key()] {
			onlyB = append(onlyB, q.name())
		}
	}
	return pairs, onlyA, onlyB
}

// beside is p with the rate of q, which measures the same.
func (p Pair) beside(q Pair) Pair {
	p.B, p.BStd, p.Ratio = q.A, q.AStd, q.A/p.A
	switch {
	case p.AStd <= 0 || p.BStd <= 0:
		p.Verdict = Unknown
		return p
	case p.Ratio > 1:
		p.Verdict = Faster
	default:
		p.Verdict = Slower
	}
	p.Noise = 2 * math.Hypot(p.AStd, p.BStd)
	if math.Abs(math.Log(p.Ratio)) <= p.Noise {
		p.Verdict = WithinNoise
	}
	return p
}

// key is what p measures.
func (p Pair) key() Pair {
	return Pair{Precision: p.Precision, What: p.What, Model: p.Model, Batch: p.Batch, Unit: p.Unit}
}

func (p Pair) name() string { return joined(p.Precision, p.What, p.Model, batchText(p.Batch)) }

// rates lists the measurements of a result, each as A of a pair.
func rates(r Result) []Pair {
	var out []Pair
	for _, run := range r.Runs {
		if run.PeakGFLOPS > 0 {
			out = append(out,
				Pair{Precision: run.Precision, What: "matrix products", Unit: "GFLOP/s", A: run.PeakGFLOPS,
					AStd: relStd(run.Peaks)},
				Pair{Precision: run.Precision, What: "memory", Unit: "GB/s", A: run.BandwidthGBS,
					AStd: relStd(run.Bandwidths)})
		}
		for _, f := range run.Figures {
			out = append(out, Pair{Precision: run.Precision, What: f.What, Model: f.Model, Batch: f.Batch, Unit: f.Unit,
				A: f.Rate, AStd: f.RelStd})
		}
	}
	return out
}

// relStd is the relative standard deviation of some values, 0 of fewer than two.
func relStd(values []float64) float64 {
	if len(values) < 2 {
		return 0
	}
	var s sample
	for _, v := range values {
		s.add(v, 1)
	}
	return s.window().RelStd
}

package bench

import (
	"encoding/json"
	"fmt"

	"clipcalib/internal/regular"
)

// Read reads a result written as JSON.
func Read(path string) (Result, error) {
	var r Result
	b, err := regular.ReadFile(path)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("%s is no result of clipcalib bench --json: %w", path, err)
	}
	if len(r.Runs) == 0 {
		return r, fmt.Errorf("%s is no result of clipcalib bench --json: it has no runs", path)
	}
	return r, nil
}

// Pair is one measurement by two runs.
type Pair struct {
	Precision string  `json:"precision"`
	What      string  `json:"what"`
	Model     string  `json:"model,omitempty"`
	Batch     int     `json:"batch,omitempty"`
	Unit      string  `json:"unit"`
	A         float64 `json:"a"`
	B         float64 `json:"b"`
	Ratio     float64 `json:"ratio"` // B over A
}

// Compare pairs what both results measured, in the order of a, and returns how
// many measurements only one of them has.
func Compare(a, b Result) (pairs []Pair, single int) {
	other := map[Pair]float64{}
	for _, p := range rates(b) {
		other[p.key()] = p.A
	}
	all := rates(a)
	for _, p := range all {
		rate, ok := other[p.key()]
		if !ok {
			continue
		}
		p.B, p.Ratio = rate, rate/p.A
		pairs = append(pairs, p)
	}
	return pairs, len(all) + len(other) - 2*len(pairs)
}

// key is p without its rates.
func (p Pair) key() Pair {
	p.A, p.B, p.Ratio = 0, 0, 0
	return p
}

// rates lists the measurements of a result, each as A of a pair.
func rates(r Result) []Pair {
	var out []Pair
	for _, run := range r.Runs {
		if run.PeakGFLOPS > 0 {
			out = append(out,
				Pair{Precision: run.Precision, What: "matrix products", Unit: "GFLOP/s", A: run.PeakGFLOPS},
				Pair{Precision: run.Precision, What: "memory", Unit: "GB/s", A: run.BandwidthGBS})
		}
		for _, f := range run.Figures {
			if f.Rate <= 0 {
				continue
			}
			out = append(out, Pair{Precision: run.Precision, What: f.What, Model: f.Model, Batch: f.Batch, Unit: f.Unit, A: f.Rate})
		}
	}
	return out
}

// Machine names what a result was measured on, in one line.
func (r Result) Machine() string {
	on := "the processor"
	if r.Card != nil {
		on = r.Card.Name
		if r.Driver != "" {
			on += ", driver " + r.Driver
		}
	} else if len(r.Runs) > 0 {
		on = r.Runs[0].Engine
	}
	return fmt.Sprintf("%s; clipcalib %s, %s", on, r.Version, r.Go)
}

package table

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strconv"
)

// keys lists the metrics of all evaluations, sorted.
func (t *Table) keys() []string {
	all := map[string]bool{}
	for _, g := range t.Groups {
		for _, cell := range g.Cells {
			for _, e := range cell {
				for key := range e.Values {
					all[key] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// WriteTidy writes one value a row: method, remedy, what tells rows apart,
// target, metric, n, mean, standard deviation and 95 % interval with how that was
// made, in fractions and nats.
func (t *Table) WriteTidy(w io.Writer) error {
	c := csv.NewWriter(w)
	header := append([]string{"method", "remedy"}, t.Shown...)
	header = append(header, "target", "target_sha256", "source", "samples", "bins", "metric", "n", "mean", "std",
		"seeds",
		"low", "high", "interval", "validation", "fitted_on")
	if err := c.Write(header); err != nil {
		return err
	}
	for _, g := range t.Groups {
		head := []string{g.Fields[fieldMethod], g.Fields[fieldRemedy]}
		for _, name := range t.Shown {
			head = append(head, g.Fields[name])
		}
		for _, target := range t.Targets {
			cell := g.Cells[target.Name]
			if len(cell) == 0 {
				continue
			}
			var seeds []string
			for _, e := range cell {
				seeds = append(seeds, e.Seed)
			}
			for _, key := range t.keys() {
				s, ok := g.spread(target.Name, key)
				if !ok {
					continue
				}
				row := append(slices.Clone(head), target.Name, target.Hash, strconv.FormatBool(target.Source),
					strconv.Itoa(target.Samples), strconv.Itoa(t.Bins), key, strconv.Itoa(s.N), number(s.Mean),
					number(s.Std),
					seedList(seeds))
				low, high, kind := g.ends(target.Name, key)
				row = append(row, low, high, kind, strconv.FormatBool(target.Validation),
					g.fittedOn())
				if err := c.Write(row); err != nil {
					return err
				}
			}
		}
		for _, h := range t.Halves() {
			s, ok := g.HarmonicMean(h)
			if !ok {
				continue
			}
			low, high, kind := "", "", ""
			if i, ok := s.StudentInterval(); ok {
				low, high, kind = number(i.Low), number(i.High), i.Kind
			}
			row := append(slices.Clone(head), h.Base+" and "+h.New, "", "false", "", strconv.Itoa(t.Bins), keyHarmonic,
				strconv.Itoa(s.N), number(s.Mean), number(s.Std), seedList(g.seeds()), low, high, kind, "false",
				g.fittedOn())
			if err := c.Write(row); err != nil {
				return err
			}
		}
	}
	c.Flush()
	return c.Error()
}

// ends are those of a metric's interval as text, and how it was made.
func (g Group) ends(target, key string) (low, high, kind string) {
	i, ok := g.Interval(target, key)
	if !ok {
		return "", "", ""
	}
	return number(i.Low), number(i.High), i.Kind
}

// WriteWide writes a row a group and, for every target and metric, a column for
// the mean, the standard deviation and either end of the 95 % interval, in
// fractions and nats.
func (t *Table) WriteWide(w io.Writer) error {
	c := csv.NewWriter(w)
	header := append([]string{"method", "remedy"}, t.Shown...)
	header = append(header, "n", "seeds")
	for _, target := range t.Targets {
		for _, key := range t.keys() {
			name := target.Name + " " + key
			header = append(header, name+" mean", name+" std", name+" low", name+" high")
		}
	}
	halves := t.Halves()
	for _, h := range halves {
		header = append(header, h.Set+" "+keyHarmonic+" mean", h.Set+" "+keyHarmonic+" std")
	}
	header = append(header, "fitted_on")
	if err := c.Write(header); err != nil {
		return err
	}
	for _, g := range t.Groups {
		row := []string{g.Fields[fieldMethod], g.Fields[fieldRemedy]}
		for _, name := range t.Shown {
			row = append(row, g.Fields[name])
		}
		seeds := g.seeds()
		row = append(row, strconv.Itoa(max(1, len(seeds))), seedList(seeds))
		for _, target := range t.Targets {
			for _, key := range t.keys() {
				mean, std := "", ""
				if s, ok := g.spread(target.Name, key); ok {
					mean, std = number(s.Mean), number(s.Std)
				}
				low, high, _ := g.ends(target.Name, key)
				row = append(row, mean, std, low, high)
			}
		}
		for _, h := range halves {
			mean, std := "", ""
			if s, ok := g.HarmonicMean(h); ok {
				mean, std = number(s.Mean), number(s.Std)
			}
			row = append(row, mean, std)
		}
		if err := c.Write(append(row, g.fittedOn())); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// MarshalJSON writes the table with run folders, in snake case.
func (t *Table) MarshalJSON() ([]byte, error) {
	type cell struct {
		Target  string            `json:"target"`
		SHA256  string            `json:"target_sha256"`
		Source  bool              `json:"source"`
		Samples int               `json:"samples"`
		Seeds   []string          `json:"seeds"`
		Runs    []string          `json:"runs"`
		Metrics map[string]Spread `json:"metrics"`

		Validation bool                `json:"validation"`
		Intervals  map[string]Interval `json:"intervals"`
		Fitted     map[string]*Fitted  `json:"fitted,omitempty"` // scalers, by seed
	}
	type row struct {
		Method string `json:"method"`
		Remedy string `json:"remedy"`
		Fields Fields `json:"recipe"`
		Cells  []cell `json:"targets"`
		// Harmonic means of the accuracies on base and new classes, by data set.
		Harmonic map[string]Spread `json:"harmonic_mean,omitempty"`
	}
	out := struct {
		Bins  int      `json:"bins"`
		Shown []string `json:"differs"`
		Rows  []row    `json:"rows"`
		Notes []string `json:"notes"`
	}{Bins: t.Bins, Shown: append([]string{}, t.Shown...), Notes: append([]string{}, t.Notes...)}
	for _, g := range t.Groups {
		r := row{Method: g.Fields[fieldMethod], Remedy: g.Fields[fieldRemedy], Fields: g.Fields}
		for _, target := range t.Targets {
			found := g.Cells[target.Name]
			if len(found) == 0 {
				continue
			}
			c := cell{Target: target.Name, SHA256: target.Hash, Source: target.Source, Samples: target.Samples,
				Runs: g.runs(target.Name), Metrics: map[string]Spread{}, Validation: target.Validation,
				Intervals: map[string]Interval{}}
			for _, e := range found {
				c.Seeds = append(c.Seeds, e.Seed)
				if e.fitted != nil && c.Fitted == nil {
					c.Fitted = map[string]*Fitted{}
				}
				if e.fitted != nil {
					c.Fitted[e.Seed] = e.fitted
				}
			}
			for _, key := range t.keys() {
				if s, ok := g.spread(target.Name, key); ok {
					c.Metrics[key] = s
				}
				if i, ok := g.Interval(target.Name, key); ok {
					c.Intervals[key] = i
				}
			}
			r.Cells = append(r.Cells, c)
		}
		for _, h := range t.Halves() {
			if s, ok := g.HarmonicMean(h); ok {
				if r.Harmonic == nil {
					r.Harmonic = map[string]Spread{}
				}
				r.Harmonic[h.Set] = s
			}
		}
		out.Rows = append(out.Rows, r)
	}
	return json.Marshal(out)
}

// MarshalJSON writes one evaluation in snake case.
func (e Evaluation) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Method  string             `json:"method"`
		Remedy  string             `json:"remedy"`
		Seed    string             `json:"seed"`
		Target  string             `json:"target"`
		SHA256  string             `json:"target_sha256"`
		Source  bool               `json:"source"`
		Samples int                `json:"samples"`
		Run     string             `json:"run"`
		Recipe  Fields             `json:"recipe"`
		Metrics map[string]float64 `json:"metrics"`
		Fitted  *Fitted            `json:"fitted,omitempty"`
	}{
		e.Fields[fieldMethod], e.Fields[fieldRemedy], e.Seed, e.Target.Name, e.Target.Hash, e.Source, e.Target.Samples,
		e.Run, e.Fields, e.Values, e.fitted,
	})
}

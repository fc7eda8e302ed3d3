package paper

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"

	"clipcalib/calib"
	"clipcalib/internal/recipe"
)

// Make makes a table of what was measured. Of one seed that was measured twice on
// a set the predictions must agree.
func Make(t recipe.Table, measured []Measured, absent []Absent, notes ...string) (Sheet, error) {
	return MakeWithSets(t, nil, measured, absent, notes...)
}

// MakeWithSets is [Make] with columns of conformal sets, unless none are asked for.
func MakeWithSets(t recipe.Table, asked *Asked, measured []Measured, absent []Absent, notes ...string) (Sheet, error) {
	s := Sheet{Name: t.ID, Title: t.Title, Published: t.Source(), Unknown: t.Unknown, Sets: asked,
		Absent: append([]Absent{}, absent...), Notes: append([]string{}, notes...)}
	var kinds []string
	if asked != nil {
		kinds = asked.Kinds
	}
	for _, b := range t.Blocks {
		block := Block{Model: b.Model, Sets: b.Sets, Short: short(b), sets: asked}
		if b.In == "" {
			block.Unknown = t.Unknown
		}
		for _, row := range b.Rows {
			l, err := makeLine(t, b, row, kinds, measured, absent)
			if err != nil {
				return s, fmt.Errorf("table %s, %s, %s: %w", t.ID, b.Model, row.Label, err)
			}
			if l.asked() {
				block.Lines = append(block.Lines, l)
			}
		}
		if len(block.Lines) > 0 {
			s.Blocks = append(s.Blocks, block)
		}
	}
	s.note()
	s.noteSizes(measured)
	return s, nil
}

// notAsked is of cells that nobody asked for.
const notAsked = "not asked for"

// asked says whether any of a row's cells was.
func (l Line) asked() bool {
	return slices.ContainsFunc(l.Sets, func(e Entry) bool { return e.Why != notAsked })
}

// shortNames are sets as narrow columns call them.
var shortNames = map[string]string{"ImageNetV2": "V2", "ImageNetSketch": "Sketch", "ImageNetA": "A", "ImageNetR": "R"}

func short(b recipe.Block) (out []string) {
	for i, set := range b.Sets {
		name := shortNames[set]
		if i < len(b.Columns) {
			name = b.Columns[i]
		}
		if name == "" {
			name = set
		}
		out = append(out, name)
	}
	return out
}

func makeLine(t recipe.Table, b recipe.Block, row recipe.Row, kinds []string, measured []Measured,
	absent []Absent) (Line, error) {
	l := Line{Row: row.Label, Of: row.Of, Seeds: []string{}}
	of := map[string]map[string]*sample{} // by set and seed
	for _, m := range measured {
		if m.Model != b.Model || m.Row != row.Label {
			continue
		}
		if of[m.Set] == nil {
			of[m.Set] = map[string]*sample{}
		}
		s := sampleOf(m.Predictions)
		s.addSets(m.Sets, kinds)
		if old := of[m.Set][m.Seed]; old != nil && !old.equal(s) {
			return l, fmt.Errorf("%s has two results of seed %q that differ (the second in %s): leave one", m.Set,
				m.Seed, m.Where)
		}
		of[m.Set][m.Seed] = s
		if !slices.Contains(l.Seeds, m.Seed) {
			l.Seeds = append(l.Seeds, m.Seed)
		}
		l.Where = append(l.Where, m.Where)
	}
	slices.Sort(l.Seeds)
	missing := 0
	for _, set := range b.Sets {
		e := entry(t, b, row, set, kinds, values(of[set], l.Seeds))
		e.aboutSets(b.Model, row.Label, measured)
		if e.Accuracy == nil {
			missing++
			e.Why = whyAbsent(b.Model, row.Label, set, absent)
		}
		l.Sets = append(l.Sets, e)
	}
	var averages []*sample
	for _, seed := range l.Seeds {
		if a := averageOf(of, b.Sets, seed); a != nil {
			averages = append(averages, a)
		}
	}
	l.Average = entry(t, b, row, "", kinds, averages)
	if l.Average.Accuracy == nil {
		l.Average.Why = fmt.Sprintf("%d of %d sets are missing", missing, len(b.Sets))
		if missing == 0 {
			l.Average.Why = "no seed has all sets"
		}
	}
	return l, nil
}

func whyAbsent(model, row, set string, absent []Absent) string {
	for _, a := range absent {
		if a.Model == model && a.Row == row && a.Set == set {
			return a.Why
		}
	}
	return notAsked
}

func values(bySeed map[string]*sample, seeds []string) (out []*sample) {
	for _, seed := range seeds {
		if s := bySeed[seed]; s != nil {
			out = append(out, s)
		}
	}
	return out
}

// eceError is the standard error of an ECE over the samples by the delta method:
// the ECE is the mean of confidence less correctness, with the sign of its bin. It
// takes one pass, where resampling takes hundreds.
func eceError(p calib.Predictions, bins int) float64 {
	r := p.Reliability(bins)
	squares, n := 0.0, float64(p.Samples())
	for i, c := range p.Confidence {
		b := r.Bins[binAt(r.Bins, c)]
		d := c
		if p.Correct[i] {
			d--
		}
		if b.Gap() < 0 {
			d = -d
		}
		squares += d * d
	}
	return math.Sqrt(max(0, squares/n-r.ECE*r.ECE) / n)
}

// binAt is the bin (lower, upper] of a confidence.
func binAt(bins []calib.Bin, c float64) int {
	m := sort.Search(len(bins), func(i int) bool { return c <= bins[i].Upper })
	return min(m, len(bins)-1)
}

func entry(t recipe.Table, b recipe.Block, row recipe.Row, set string, kinds []string,
	samples []*sample) Entry {
	e := Entry{Set: set}
	if x, ok := t.Expect(b, row, recipe.Accuracy, set); ok {
		e.PaperAccuracy = &x
	}
	if x, ok := t.Expect(b, row, recipe.ECE, set); ok {
		e.PaperECE = &x
	}
	if len(samples) == 0 {
		return e
	}
	accuracy := figureOf(samples, 0)
	e.Accuracy, e.ECE = &accuracy, map[string]Figure{}
	for i, bins := range Bins {
		e.ECE[strconv.Itoa(bins)] = figureOf(samples, i+1)
	}
	e.Sets = setsOf(samples, 1+len(Bins), kinds)
	if e.PaperAccuracy != nil {
		d := accuracy.Mean - e.PaperAccuracy.Value
		e.DiffAccuracy = &d
	}
	if e.PaperECE != nil {
		d := e.ECE[strconv.Itoa(Bins[0])].Mean - e.PaperECE.Value
		e.DiffECE = &d
	}
	return e
}

// note adds what a reader must know of the whole table.
func (s *Sheet) note() {
	single := false
	for _, b := range s.Blocks {
		for _, l := range b.Lines {
			for _, e := range append([]Entry{l.Average}, l.Sets...) {
				for _, x := range []*recipe.Expected{e.PaperAccuracy, e.PaperECE} {
					if x != nil && x.Erratum != "" {
						name := "average"
						if e.Set != "" {
							name = e.Set
						}
						s.Notes = append(s.Notes, fmt.Sprintf("%s, %s, %s: %s", b.Model, l.Row, name, x.Erratum))
					}
				}
			}
			single = single || len(l.Seeds) == 1
		}
	}
	if single {
		s.Notes = append(s.Notes, "rows of one seed have intervals over the samples alone; the paper has one seed too")
	}
}

// noteSizes says which sets are not as large as the published ones.
func (s *Sheet) noteSizes(measured []Measured) {
	seen := map[string]bool{}
	for _, m := range measured {
		n := m.Predictions.Samples()
		real, err := recipe.RealCount(m.Set)
		if key := fmt.Sprint(m.Set, n); err == nil && n != real.Test && !seen[key] {
			seen[key] = true
			s.Notes = append(s.Notes, fmt.Sprintf("%s: %d pictures, where the published set has %d", m.Set, n,
				real.Test))
		}
	}
}

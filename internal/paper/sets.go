package paper

import (
	"fmt"
	"slices"
	"strings"

	"clipcalib/calib"
	"clipcalib/internal/table"
)

// Asked says which conformal sets a sheet has figures of.
type Asked struct {
	Coverage float64  `json:"coverage"`
	Kinds    []string `json:"kinds"`
	Splits   int      `json:"splits"` // of the measured samples; 0 for folds of their own
}

// MeasuredSets are the figures of the sets of one kind: one, or one a split.
type MeasuredSets []calib.SetFigures

// SetEntry is a row's figures of conformal sets: coverage and class gap in percent,
// size in classes.
type SetEntry struct {
	Coverage Figure `json:"coverage"`
	Size     Figure `json:"size"`
	ClassGap Figure `json:"class_gap"`
}

// perKind is how many figures sets of one kind have.
const perKind = 3

// addSets adds the figures of sets to a sample's.
func (s *sample) addSets(of map[string]MeasuredSets, kinds []string) {
	for _, kind := range kinds {
		all := of[kind]
		for i, figure := range []func(calib.SetFigures) (v, stderr float64){
			func(f calib.SetFigures) (float64, float64) { return 100 * f.Coverage, 0 },
			func(f calib.SetFigures) (float64, float64) { return f.MeanSize, f.MeanSizeError },
			func(f calib.SetFigures) (float64, float64) { return 100 * f.ClassGap, 100 * f.ClassGapError },
		} {
			switch len(all) {
			case 0:
				s.add(missing, missing)
			case 1:
				v, e := figure(all[0])
				if i == 0 {
					c := all[0].CoverageInterval
					s.exact[len(s.value)] = calib.Interval{Low: 100 * c.Low, High: 100 * c.High}
					e = binomialError(all[0].Coverage, all[0].Samples)
				}
				s.add(v, e)
			default:
				values := make([]float64, len(all))
				for j, f := range all {
					values[j], _ = figure(f)
				}
				s.addSplits(values)
			}
		}
	}
}

// setsOf are the entries of figures from the given one on.
func setsOf(samples []*sample, from int, kinds []string) (out map[string]SetEntry) {
	for j, kind := range kinds {
		at := from + perKind*j
		if slices.ContainsFunc(samples, func(s *sample) bool { return s.value[at] != s.value[at] }) {
			continue // a seed has none
		}
		if out == nil {
			out = map[string]SetEntry{}
		}
		out[kind] = SetEntry{figureOf(samples, at), figureOf(samples, at+1), figureOf(samples, at+2)}
	}
	return out
}

// aboutSets says what the sets of a row on a set of pictures were calibrated on, or
// why there are none.
func (e *Entry) aboutSets(model, row string, measured []Measured) {
	for _, m := range measured {
		if m.Model != model || m.Row != row || m.Set != e.Set {
			continue
		}
		if c := m.CalibratedOn; c != "" && !slices.Contains(e.CalibratedOn, c) {
			e.CalibratedOn = append(e.CalibratedOn, c)
		}
		if e.WhyNoSets == "" {
			e.WhyNoSets = m.WhyNoSets
		}
	}
}

// asked are the kinds that a block's grids have columns of.
func (b Block) asked() (kinds []string) {
	if b.sets != nil {
		kinds = b.sets.Kinds
	}
	return kinds
}

// SetAverages is a block's rows over all sets of pictures: coverage, size and class
// gap of the conformal sets of every kind.
func (b Block) SetAverages() table.Grid {
	g := table.Grid{Left: 1, Header: []string{fmt.Sprintf("%s, %g %% sets, average", b.Model, 100*b.sets.Coverage),
		"n"}}
	for _, kind := range b.asked() {
		for _, m := range table.SetMetrics(kind) {
			g.Header = append(g.Header, strings.ToUpper(kind)+" "+m.Title)
		}
	}
	b.eachRow(&g, func(l Line) (cells []string) {
		n := none
		for _, kind := range b.asked() {
			s, ok := l.Average.Sets[kind]
			if !ok {
				cells = append(cells, none, none, none)
				continue
			}
			n = fmt.Sprint(s.Coverage.N)
			cells = append(cells, figureText(s.Coverage), figureText(s.Size), figureText(s.ClassGap))
		}
		return append([]string{n}, cells...)
	})
	return g
}

// SetsBySet is a block's rows on every set of pictures: coverage, size and class gap
// of the conformal sets of one kind.
func (b Block) SetsBySet(kind string) table.Grid {
	g := table.Grid{Header: append([]string{b.Model + ", " + strings.ToUpper(kind) + " cover / size / class gap"},
		b.Short...), Left: 1}
	b.eachRow(&g, func(l Line) (cells []string) {
		for _, e := range l.Sets {
			text := none
			if s, ok := e.Sets[kind]; ok {
				text = fmt.Sprintf("%.1f / %.2f / %.1f", s.Coverage.Mean, s.Size.Mean, s.ClassGap.Mean)
			}
			cells = append(cells, text)
		}
		return cells
	})
	return g
}

// eachRow adds a row of cells for every line, with rules between methods.
func (b Block) eachRow(g *table.Grid, cells func(Line) []string) {
	for i, l := range b.Lines {
		if l.Of == "" && i > 0 {
			g.Rules = append(g.Rules, i)
		}
		g.Rows = append(g.Rows, append([]string{b.rowName(i)}, cells(l)...))
	}
}

// setGrids are a block's tables of conformal sets.
func (b Block) setGrids() (out []table.Grid) {
	if len(b.asked()) == 0 {
		return nil
	}
	out = append(out, b.SetAverages())
	for _, kind := range b.asked() {
		out = append(out, b.SetsBySet(kind))
	}
	return out
}

// setRemarks say what the sets are, what they were calibrated on, and which are not
// there.
func (s Sheet) setRemarks() []string {
	if s.Sets == nil {
		return nil
	}
	out := []string{fmt.Sprintf("Sets of %g %% coverage, their size in classes; class gap is the mean over classes of "+
		"|coverage of the class - %g %%|.", 100*s.Sets.Coverage, 100*s.Sets.Coverage)}
	if s.Sets.Splits > 0 {
		out[0] += fmt.Sprintf(" Of every result half, drawn class by class, calibrates and the other half is "+
			"measured, %d times: medians, and of one seed * is half of where 95 %% of the splits lie.", s.Sets.Splits)
	} else {
		out[0] += " They hold the label that often where samples are drawn as those that they are calibrated on, " +
			"and not under drift."
	}
	on, lacks := map[string]int{}, []Absent{}
	var order []string
	for _, b := range s.Blocks {
		for _, l := range b.Lines {
			for _, e := range l.Sets {
				for _, c := range e.CalibratedOn {
					if on[c] == 0 {
						order = append(order, c)
					}
					on[c]++
				}
				if e.WhyNoSets != "" {
					lacks = append(lacks, Absent{b.Model, l.Row, e.Set, e.WhyNoSets})
				}
			}
		}
	}
	const most = 12
	for i, c := range order {
		if i == most {
			out = append(out, fmt.Sprintf("sets calibrated on %d more folds: calibrated_on in csv and json names them",
				len(order)-most))
			break
		}
		out = append(out, fmt.Sprintf("sets calibrated on %s: %d of the results", c, on[c]))
	}
	return append(out, byReason("no sets", lacks)...)
}

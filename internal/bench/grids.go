package bench

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"clipcalib/internal/table"
)

// Grid is the figures of a run as a table; notes are what its cells cannot say.
func (r Run) Grid() (g table.Grid, notes []string) {
	g = table.Grid{Left: 3, Header: []string{"what", "model", "batch", "rate", "", "rel. std", "GFLOP/s", "of peak",
		"GB/s",
		"of bandwidth", "of roofline", "runs", "host ms"}}
	energy := slices.ContainsFunc(r.Figures, func(f Figure) bool {
		return f.Conditions != nil &&
			f.Conditions.Joules > 0
	})
	if energy {
		g.Header = append(g.Header, "J an item", "W")
	}
	states, missing := grouped{}, grouped{}
	unmet := grouped{}
	for _, f := range r.Figures {
		std := "-"
		if f.Window > 1 {
			std = percent(f.RelStd)
		}
		row := []string{f.What, f.Model, batchText(f.Batch), number(f.Rate), f.Unit, std,
			fmt.Sprintf("%.0f", f.GFLOPS), shareText(f, f.Share, "peak"), fmt.Sprintf("%.1f", f.GBS),
			shareText(f, f.BandwidthShare, "bandwidth"), shareText(f, f.RooflineShare, "roofline"),
			strconv.Itoa(f.Runs), hostText(f)}
		if energy && f.Conditions != nil && f.Conditions.Joules > 0 {
			row = append(row, number(f.Conditions.JoulesPerItem), fmt.Sprintf("%.0f", f.Conditions.Watts))
		}
		g.Rows = append(g.Rows, row)
		name := joined(f.What, f.Model, batchText(f.Batch))
		unmet.add(f.Unmet, name)
		states.add(f.Conditions.summary(), name)
		if f.Conditions != nil {
			for _, what := range f.Conditions.Missing {
				missing.add(what, name)
			}
		}
	}
	if r.over("") {
		notes = append(notes, "over: more than was measured of the peak, or from caches; no share is given")
	}
	for _, f := range r.Figures {
		if f.Latency != nil {
			notes = append(notes, joined(f.What, f.Model)+": "+f.Latency.String())
		}
	}
	notes = append(notes, unmet.lines("not met: ", len(r.Figures))...)
	notes = append(notes, states.lines("", len(r.Figures))...)
	if r.ProductsUntimed != "" {
		notes = append(notes, "products that were not measured by themselves: "+r.ProductsUntimed)
	}
	if r.NoSensors != "" {
		notes = append(notes, "not read: clocks, power and energy: "+r.NoSensors)
	}
	return g, append(notes, missing.lines("not read: ", len(r.Figures))...)
}

// grouped is texts with the figures that they are true of.
type grouped struct {
	texts []string
	of    map[string][]string
}

func (g *grouped) add(text, figure string) {
	if text == "" {
		return
	}
	if g.of == nil {
		g.of = map[string][]string{}
	}
	if g.of[text] == nil {
		g.texts = append(g.texts, text)
	}
	g.of[text] = append(g.of[text], figure)
}

// lines has a line for each text, of which one that holds for all figures names
// none.
func (g *grouped) lines(before string, all int) (out []string) {
	for _, text := range g.texts {
		line := before + text
		if of := g.of[text]; len(of) < all {
			line += ": " + strings.Join(of, "; ")
		}
		out = append(out, line)
	}
	return out
}

// ProductGrid is the products by themselves as a table.
func (r Run) ProductGrid() table.Grid {
	g := table.Grid{Left: 2, Header: []string{"product", "algorithm", "GFLOP/s", "of peak", "microseconds", "runs"}}
	for _, p := range r.Products {
		share := "-"
		switch {
		case p.Share > 0:
			share = fmt.Sprintf("%.0f%%", 100*p.Share)
		case r.PeakGFLOPS > 0:
			share = "over"
		}
		g.Rows = append(g.Rows, []string{p.Shape, p.Algorithm, fmt.Sprintf("%.0f", p.GFLOPS), share,
			number(1e6 * p.Seconds),
			strconv.Itoa(p.Runs)})
	}
	return g
}

// Peak is the run's peaks in words, "" where they were not measured.
func (r Run) Peak() string {
	if r.PeakGFLOPS <= 0 {
		return ""
	}
	s := fmt.Sprintf("matrix products reach %.0f GFLOP/s, memory %.1f GB/s", r.PeakGFLOPS, r.BandwidthGBS)
	if n := len(r.Peaks); n > 1 {
		s += fmt.Sprintf(" (the best of %d measurements, which differ by %.1f%% and %.1f%%)", n,
			100*(r.PeakGFLOPS/slices.Min(r.Peaks)-1), 100*(r.BandwidthGBS/slices.Min(r.Bandwidths)-1))
	}
	if k := r.Kernel; k != nil && k.PeakGFLOPS > 0 {
		s += fmt.Sprintf("\nkernel %s: %.0f GFLOP/s on registers alone, of which products reach %s", k.Name,
			k.PeakGFLOPS,
			shareOf(r.PeakGFLOPS, k.PeakGFLOPS))
	}
	return s
}

// shareOf is a share in words; one over 1 says that the two were measured while
// the processor's clock differed.
func shareOf(part, whole float64) string {
	if part > whole {
		return "all (more than was measured of it)"
	}
	return fmt.Sprintf("%.0f%%", 100*part/whole)
}

// String says how long and by what figures were measured.
func (s Settings) String() string {
	text := fmt.Sprintf("rates are of the %s of the last %d groups of runs; a figure stops at a relative "+
		"standard deviation "+
		"of %.2g%% after %.3g s, or after %.3g s", s.Statistic, s.Window, 100*s.RelStd, min(s.Least, s.Time), s.Time)
	if s.JPEGs != nil {
		text += "\n" + s.JPEGs.String()
	}
	return text
}

// ComparedGrid is pairs as a table, under the names of the two files.
func ComparedGrid(pairs []Pair, a, b string) table.Grid {
	g := table.Grid{Left: 4, Header: []string{"precision", "what", "model", "batch", a, "rel. std", b, "rel. std", "",
		"B/A", "noise", ""}}
	std := func(v float64) string {
		if v <= 0 {
			return "-"
		}
		return percent(v)
	}
	for _, p := range pairs {
		g.Rows = append(g.Rows, []string{p.Precision, p.What, p.Model, batchText(p.Batch), number(p.A), std(p.AStd),
			number(p.B),
			std(p.BStd), p.Unit, fmt.Sprintf("%.3f", p.Ratio), std(p.Noise), p.Verdict})
	}
	return g
}

func shareText(f Figure, share float64, name string) string {
	switch {
	case slices.Contains(f.Over, name):
		return "over"
	case share <= 0:
		return "-"
	}
	return fmt.Sprintf("%.0f%%", 100*share)
}

// hostText is the processor time of a run, which a GPU's host has to have.
func hostText(f Figure) string {
	if f.Host <= 0 {
		return "-"
	}
	return number(1e3 * f.Host)
}

func percent(v float64) string {
	if v >= 0.1 { // where two digits would be 1e+02%
		return fmt.Sprintf("%.0f%%", 100*v)
	}
	return fmt.Sprintf("%.2g%%", 100*v)
}

func number(v float64) string {
	if v >= 1e4 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.4g", v)
}

func batchText(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// joined is the words that are not empty.
func joined(words ...string) string { return joinedBy(" ", words...) }

func joinedBy(by string, words ...string) string {
	return strings.Join(slices.DeleteFunc(words, func(s string) bool { return s == "" }), by)
}

// String is percentiles in milliseconds.
func (l Latency) String() string {
	p99 := ""
	if l.P99 > 0 {
		p99 = fmt.Sprintf(", p99 %.3g", 1e3*l.P99)
	}
	return fmt.Sprintf("p50 %.3g, p90 %.3g%s ms, slowest %.3g of %d", 1e3*l.P50, 1e3*l.P90, p99, 1e3*l.Max, l.Requests)
}

// String says what was read.
func (j JPEGs) String() string {
	return fmt.Sprintf("JPEG files: %d of %d x %d, quality %d, %d bytes on average, in %s", j.Files, j.Width, j.Height,
		j.Quality, j.MeanBytes, j.From)
}

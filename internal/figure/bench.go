package figure

import (
	"fmt"
	"strings"

	"clipcalib/internal/bench"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// Bench draws what a machine reached, a row of panels for each precision: images
// a second over the batch, and the roofline of the measured peaks with every
// figure that has work under it. Bars are standard deviations of groups of runs.
func Bench(r bench.Result) (Figure, error) {
	out := panels{w: 330, h: 250}
	for _, run := range r.Runs {
		k := benchKey{plot: legendPlot(), places: map[string]int{}}
		over, err := overBatch(run, &k)
		if err != nil {
			return nil, err
		}
		roof, err := roofline(run, &k)
		if err != nil {
			return nil, err
		}
		out.h = max(out.h, vg.Length(40+14*len(k.places)))
		out.rows = append(out.rows, []*plot.Plot{over, roof, k.plot})
	}
	if len(out.rows) == 0 {
		return nil, fmt.Errorf("a result without runs")
	}
	return out, nil
}

// benchKey gives each kind of figure its colour and mark, and names it once.
type benchKey struct {
	plot   *plot.Plot
	places map[string]int
}

// place is a name's, and whether it is new.
func (k *benchKey) place(name string) (i int, isNew bool) {
	if i, ok := k.places[name]; ok {
		return i, false
	}
	k.places[name] = len(k.places)
	return k.places[name], true
}

// kind is what figures that differ in their batch alone have in common.
func kind(f bench.Figure) string {
	what, _, _ := strings.Cut(strings.Replace(f.What, "image encoding, ", "images, ", 1), " classes")
	return strings.TrimSpace(f.Model + " " + what)
}

// byKind groups figures.
func byKind(figures []bench.Figure, want func(bench.Figure) bool) (names []string, of map[string][]bench.Figure) {
	of = map[string][]bench.Figure{}
	for _, f := range figures {
		if !want(f) {
			continue
		}
		name := kind(f)
		if of[name] == nil {
			names = append(names, name)
		}
		of[name] = append(of[name], f)
	}
	return names, of
}

// overBatch has a line for each model and way of encoding pictures.
func overBatch(run bench.Run, k *benchKey) (*plot.Plot, error) {
	p := newPlot(run.Precision, "images at a time", "images a second")
	names, of := byKind(run.Figures, func(f bench.Figure) bool {
		return strings.HasPrefix(f.What, "image encoding") && f.Batch > 0
	})
	if len(names) == 0 {
		p.HideAxes()
		return p, nil
	}
	batches := map[string][]point{}
	for _, name := range names {
		var at plotter.XYs
		var bars plotter.YErrors
		for _, f := range of[name] {
			at = append(at, plotter.XY{X: float64(f.Batch), Y: f.Rate})
			std := f.Rate * f.RelStd
			bars = append(bars, struct{ Low, High float64 }{std, std})
			batches[name] = append(batches[name], point{shots: float64(f.Batch)})
		}
		line, marks, err := plotter.NewLinePoints(at)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		spread, err := plotter.NewYErrorBars(struct {
			plotter.XYs
			plotter.YErrors
		}{at, bars})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		i, _ := k.place(name)
		line.Color, marks.Color, spread.Color, marks.Shape = colour(i), colour(i), colour(i), shape(i)
		p.Add(spread, line, marks)
		k.plot.Legend.Add(name, line, marks)
	}
	p.Y.Min = 0
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, shotTicks(batches)
	return p, nil
}

// roofline has arithmetic over intensity, both on logarithmic axes, under the
// measured bandwidth and peak.
func roofline(run bench.Run, k *benchKey) (*plot.Plot, error) {
	p := newPlot("roofline of the measured peaks", "FLOP a byte", "GFLOP/s")
	names, of := byKind(run.Figures, func(f bench.Figure) bool { return f.Intensity > 0 && f.GFLOPS > 0 })
	if len(names) == 0 || run.PeakGFLOPS <= 0 || run.BandwidthGBS <= 0 {
		p.HideAxes()
		return p, nil
	}
	ridge := run.PeakGFLOPS / run.BandwidthGBS
	low, high := ridge, ridge
	for _, name := range names {
		var at plotter.XYs
		for _, f := range of[name] {
			at = append(at, plotter.XY{X: f.Intensity, Y: f.GFLOPS})
			low, high = min(low, f.Intensity), max(high, f.Intensity)
		}
		marks, err := plotter.NewScatter(at)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		i, isNew := k.place(name)
		marks.Color, marks.Shape = colour(i), shape(i)
		p.Add(marks)
		if isNew {
			k.plot.Legend.Add(name, marks)
		}
	}
	low, high = low/2, high*2
	roof, err := plotter.NewLine(plotter.XYs{{X: low, Y: low * run.BandwidthGBS}, {X: ridge, Y: run.PeakGFLOPS},
		{X: high, Y: run.PeakGFLOPS}})
	if err != nil {
		return nil, fmt.Errorf("roofline: %w", err)
	}
	roof.Dashes = []vg.Length{4, 3}
	p.Add(roof)
	k.plot.Legend.Add(fmt.Sprintf("%.0f GFLOP/s, %.0f GB/s", run.PeakGFLOPS, run.BandwidthGBS), roof)
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.LogTicks{Prec: -1}, plot.LogTicks{Prec: -1}
	return p, nil
}

package cli

import (
	"fmt"
	"time"

	"clipcalib/internal/pretrain"
)

// peakBudget is how long products are measured before a training.
const peakBudget = 200 * time.Millisecond

// pace measures how fast steps are taken, without what lies between them.
type pace struct {
	recipe pretrain.Recipe
	peak   float64 // GFLOP/s that products reach, 0 where it was not measured
	began  time.Time
	sofar  spent // since the last lap
	all    spent
}

// spent is the time and the work of some steps.
type spent struct {
	steps int
	took  time.Duration
	flop  float64
}

func newPace(r pretrain.Recipe) *pace { return &pace{recipe: r} }

// start says that the next step begins now.
func (p *pace) start() { p.began = time.Now() }

// step counts a step that has ended.
func (p *pace) step(pt pretrain.Point) {
	for _, s := range []*spent{&p.sofar, &p.all} {
		s.steps++
		s.took += time.Since(p.began)
		s.flop += p.recipe.FLOPs(pt.Nodes)
	}
}

// lap returns the rates since the last lap.
func (p *pace) lap() rates {
	s := p.sofar
	p.sofar = spent{}
	return s.rates(p.recipe, p.peak)
}

// rates are a training's throughput.
type rates struct {
	StepsPerSecond float64 `json:"steps_per_second"`
	PairsPerSecond float64 `json:"pairs_per_second"`
	GFLOPS         float64 `json:"gflops"`      // of the recipe's work; a batch in parts does a third more
	PeakGFLOPS     float64 `json:"peak_gflops"` // that products by frozen weights reached before the training
	Share          float64 `json:"share_of_peak"`
}

func (s spent) rates(r pretrain.Recipe, peak float64) (out rates) {
	if seconds := s.took.Seconds(); seconds > 0 {
		out.StepsPerSecond = float64(s.steps) / seconds
		out.PairsPerSecond = out.StepsPerSecond * float64(r.Batch)
		out.GFLOPS = s.flop / seconds / 1e9
	}
	if peak > 0 {
		out.PeakGFLOPS, out.Share = peak, out.GFLOPS/peak
	}
	return out
}

func (r rates) String() string {
	s := fmt.Sprintf("%.3g steps/s, %.4g pairs/s, %.3g GFLOP/s", r.StepsPerSecond, r.PairsPerSecond, r.GFLOPS)
	if r.PeakGFLOPS > 0 {
		s += fmt.Sprintf(" (%.0f %% of the %.0f that products reach)", 100*r.Share, r.PeakGFLOPS)
	}
	return s
}

package cuda

import (
	"fmt"
	"math/rand/v2"
	"time"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// TimedMLP is what an MLP takes, some rows at a time; Rows are all of them first.
type TimedMLP struct {
	Rows    int
	Seconds float64
}

// leastGain is by how much parts must be faster than all rows at once, for noise not
// to decide.
const leastGain = 0.01

// mlpGroups is how many groups of runs the least time is of.
const mlpGroups = 5

// TuneMLP times an MLP with QuickGELU over random rows, all at once and by each of the
// parts, in turns: the least of five groups of so many runs. line is that of the table
// of algorithms for the fastest, "" where no part is faster by a hundredth.
func (e *Engine) TuneMLP(rows, width, hidden, runs int, parts []int) (line string, times []TimedMLP, err error) {
	m := engine.MLP{Act: engine.QuickGELU}
	var held []*tensor.Dense
	defer func() {
		for _, t := range held {
			e.Release(t)
		}
	}()
	random := rand.New(rand.NewPCG(1, 2))
	add := func(to **tensor.Dense, activation bool, scale float32, shape ...int) {
		if err != nil {
			return
		}
		var t *tensor.Dense
		if t, err = e.random(random, scale, shape...); err != nil {
			return
		}
		held = append(held, t)
		switch {
		case !activation:
			e.Freeze(t)
		case e.StoresFloat16():
			var wide *tensor.Dense
			if wide, err = e.New(tensor.Float32, shape...); err != nil {
				return
			}
			held = append(held, wide)
			short := e.ViewFloat16(wide, shape...)
			err, t = e.Cast(short, t), short
		}
		*to = t
	}
	add(&m.X, true, 1, rows, width)
	add(&m.Residual, true, 1, rows, width)
	add(&m.Out, true, 0, rows, width)
	add(&m.W1, false, 0.05, hidden, width)
	add(&m.B1, false, 0.05, hidden)
	add(&m.W2, false, 0.05, width, hidden)
	add(&m.B2, false, 0.05, width)
	if err != nil {
		return "", nil, err
	}
	times = []TimedMLP{{Rows: rows}}
	for _, n := range parts {
		if n < rows {
			times = append(times, TimedMLP{Rows: n})
		}
	}
	for group := range mlpGroups + 1 { // the first warms up
		for i := range times {
			s, err := e.timeMLP(m, times[i].Rows, runs)
			if err != nil {
				return "", nil, err
			}
			if group > 0 && (group == 1 || s < times[i].Seconds) {
				times[i].Seconds = s
			}
		}
	}
	best := times[0]
	best.Seconds *= 1 - leastGain
	for _, t := range times[1:] {
		if t.Seconds < best.Seconds {
			best = t
		}
	}
	if best.Rows == rows {
		return "", times, nil
	}
	return fmt.Sprintf("%s %d", mlpShape(e.d.Info().Capability, e.precision, width, hidden), best.Rows), times, nil
}

// timeMLP is what m takes, as many rows at a time.
func (e *Engine) timeMLP(m engine.MLP, rows, runs int) (float64, error) {
	if err := e.Sync(); err != nil {
		return 0, err
	}
	begun := time.Now()
	for range runs {
		if err := e.MLP(m, rows); err != nil {
			return 0, err
		}
	}
	err := e.Sync()
	return time.Since(begun).Seconds() / float64(runs), err
}

// random is a tensor of values between -scale and scale.
func (e *Engine) random(r *rand.Rand, scale float32, shape ...int) (*tensor.Dense, error) {
	t, err := e.New(tensor.Float32, shape...)
	if err != nil {
		return nil, err
	}
	values := make([]float32, t.Shape().TotalSize())
	for i := range values {
		values[i] = scale * (2*r.Float32() - 1)
	}
	return t, e.Upload(t, values)
}

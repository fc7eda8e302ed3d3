package cli

import (
	"context"
	"sync"

	"clipcalib/adapt/testtime"
	"clipcalib/internal/features"
	"clipcalib/internal/settings"
)

// What the vectors of a tuning start as.
const (
	startPhrase = "phrase" // the embeddings of --context
	startFPP    = "fpp"    // learned of the class names
)

// starts are the vectors that the runs of a command have learned, by their keys.
type starts struct {
	mu sync.Mutex // held by who learns
	of map[string][]float32
}

// chooseStart takes what the vectors start as, and returns whose settings that has.
func (c *tuning) chooseStart() ([]settings.Owner, error) {
	switch {
	case c.start == startPhrase:
		return nil, nil
	case c.start != startFPP:
		return nil, usagef("--start %s: choose %s or %s", c.start, startPhrase, startFPP)
	case c.pins.from != "":
		return nil, usagef("--start fpp learns the vectors, and --pin gives them: give one of the two")
	}
	return []settings.Owner{owner("start", &c.fpp)}, nil
}

// learnStart makes the vectors that FPP learns for the classes: those that were
// learned before in this command or are in the run's folder, or new ones.
func (a *app) learnStart(ctx context.Context, src *features.Source, classes []string, f *tuning, dir string) (
	testtime.Options, error) {
	o := f.tune
	if o.FPP == nil {
		return o, nil
	}
	if a.lane != nil {
		a.lane.Lock(&f.learned.mu)
	} else {
		f.learned.mu.Lock()
	}
	defer f.learned.mu.Unlock()
	key := testtime.StartKey(src.Weights, classes, o)
	var err error
	if o.Start, err = testtime.ReadStart(dir, key); err != nil || o.Start != nil {
		return o, err
	}
	if o.Start = f.learned.of[key]; o.Start == nil {
		steps := settings.Resolved(*o.FPP).Steps
		p := a.progress("fpp", "steps", steps)
		o.Start, err = testtime.LearnStart(ctx, src.Model.Texts, classes, *o.FPP, o, func(step int, _ float64) {
			p.Update(step+1, steps)
		})
		if err != nil {
			return o, err
		}
		p.Done()
		f.learned.of[key] = o.Start
	}
	width := src.Model.Texts.Config().Text.Width
	return o, testtime.WriteStart(dir, key, o.Start, len(o.Start)/width)
}

package cli

import (
	"fmt"
	"sync"
	"time"

	"clipcalib/internal/train"
)

// gridProgress shows how far a grid is. The time left is told by kind of cell:
// what those of a kind that are done took for their work, so that cheap cells
// ahead of dear ones do not promise too much.
type gridProgress struct {
	mu    sync.Mutex
	bar   *progress
	cells []cell
	kind  []string  // method, and whether its parameters are another's
	work  []float64 // samples seen in training
	done  []bool

	spent map[string]float64 // seconds, by kind
	over  map[string]float64 // work of them
	lanes int
	since map[int]time.Time // of the cells at work
	stop  chan struct{}
	ended sync.WaitGroup
}

func (a *app) gridProgress(cells []cell, lanes int) *gridProgress {
	g := &gridProgress{
		bar: a.progress("grid", "cells", len(cells)), cells: cells,
		kind: make([]string, len(cells)), work: make([]float64, len(cells)),
		done: make([]bool, len(cells)), spent: map[string]float64{}, over: map[string]float64{},
		stop:  make(chan struct{}),
		lanes: lanes, since: map[int]time.Time{},
	}
	free := map[string]bool{}
	for i, c := range cells {
		g.kind[i], g.work[i] = c.method, float64(c.choice.epochs()*max(c.flags.shots, 1))
		c.flags.remedy = train.TrainingPart(c.choice.remedy()).Name()
		if key := fmt.Sprintf("%s %+v", c.method, c.flags); free[key] {
			g.kind[i], g.work[i] = c.method+", shared", 1
		} else {
			free[key] = true
		}
	}
	g.bar.say = g.state
	g.ended.Go(func() {
		t := time.NewTicker(tick)
		defer t.Stop()
		for {
			select {
			case <-g.stop:
				return
			case <-t.C:
				g.show()
			}
		}
	})
	return g
}

// begin notes that a cell is being prepared, or, where lanes are prepared for ahead,
// that it is in one.
func (g *gridProgress) begin(i int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, begun := g.since[i]; !begun || g.lanes > 1 {
		g.since[i] = time.Now()
	}
}

// finish notes the time of a cell; of one that was there already it says
// nothing of others.
func (g *gridProgress) finish(i int, state string) {
	g.mu.Lock()
	g.done[i] = true
	if state == cellTrained || state == cellShared {
		g.spent[g.kind[i]] += time.Since(g.since[i]).Seconds()
		g.over[g.kind[i]] += g.work[i]
	}
	delete(g.since, i)
	g.mu.Unlock()
	g.show()
}

func (g *gridProgress) end() {
	close(g.stop)
	g.ended.Wait()
	g.bar.Done()
}

func (g *gridProgress) show() { g.bar.Set(g.finished()) }

func (g *gridProgress) finished() (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, d := range g.done {
		if d {
			n++
		}
	}
	return n
}

// state is where the grid is, in words.
func (g *gridProgress) state() string {
	n := g.finished()
	g.mu.Lock()
	defer g.mu.Unlock()
	left := "?"
	if d, ok := g.left(); ok {
		left = d.Round(time.Second).String()
	}
	now := ""
	for i := range g.cells {
		if _, begun := g.since[i]; begun {
			now = "; now " + g.cells[i].label
			break
		}
	}
	if more := min(len(g.since), g.lanes) - 1; more > 0 { // further ones are prepared for
		now += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Sprintf("%d of %d cells, %s left%s", n, len(g.cells), left, now)
}

// left estimates the time left; ok is false while nothing is known.
func (g *gridProgress) left() (d time.Duration, ok bool) {
	var spent, over float64
	for k, s := range g.spent {
		spent, over = spent+s, over+g.over[k]
	}
	if over == 0 {
		return 0, false
	}
	seconds, at := 0.0, 0 // at a time
	for i, k := range g.kind {
		if g.done[i] {
			continue
		}
		rate := spent / over
		if g.over[k] > 0 {
			rate = g.spent[k] / g.over[k]
		}
		need := rate * g.work[i]
		if since, begun := g.since[i]; begun {
			need = max(0, need-time.Since(since).Seconds())
		}
		seconds += need
		at = min(at+1, g.lanes)
	}
	seconds /= float64(max(at, 1))
	return time.Duration(seconds * float64(time.Second)), true
}

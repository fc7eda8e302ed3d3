package cli

import (
	"bytes"
	"context"
	"path/filepath"
	"sync"

	"clipcalib/internal/data"
	"clipcalib/internal/features"
	"clipcalib/internal/lanes"
)

// tuneGrid tunes a run for every cell, in lanes. What fails stops no other.
func (a *app) tuneGrid(ctx context.Context, src *features.Source, sets []*data.Set, cells []tuning, out string) (
	[]cellResult, gridAccount, error) {
	side, err := a.openLanes(lanes.Work{Jobs: len(cells), Towers: &src.Model.Config})
	if err != nil {
		return nil, nil, err
	}
	defer side.Close()
	g := &tuningGrid{app: a, src: src, sets: sets, out: out, left: gridAccount{}}
	g.results = make([]cellResult, len(cells))
	if side.Len() > 1 {
		images := 0
		for _, set := range sets {
			images += len(set.Items)
		}
		g.bar = a.progress("tune", "images", images*len(cells))
	}
	err = side.Each(ctx, func(yield func(lanes.Job) bool) {
		for i, c := range cells {
			if !yield(lanes.Job{Do: func(ctx context.Context, l *lanes.Lane) error {
				return g.cell(ctx, l, i, c)
			}}) {
				return
			}
		}
	})
	if err == nil && g.bar != nil {
		g.bar.Done()
	}
	return g.results, g.left, err
}

// tuningGrid is runs of test-time tuning side by side.
type tuningGrid struct {
	*app
	src     *features.Source
	sets    []*data.Set
	out     string
	results []cellResult
	bar     *progress // of all, where several run at once; else each has its own

	mu   sync.Mutex // of what is told, and of left
	left gridAccount
	done int // images
}

// cell tunes a run. What it has to say comes as a whole, once it is done, where
// others run beside it.
func (g *tuningGrid) cell(ctx context.Context, l *lanes.Lane, i int, c tuning) error {
	a, src := *g.app, *g.src
	a.lane = l
	var said bytes.Buffer
	if g.bar != nil {
		a.err, a.noBars, a.counts = &said, true, &counts{grid: g, of: map[string]int{}}
	}
	dir := filepath.Join(g.out, c.folder(g.src))
	a.note("run %d of %d: %s", i+1, len(g.results), c.label)
	res := &g.results[i]
	*res = cellResult{Cell: c.label, Run: dir, State: cellDone}
	var m measured
	res.attempt(g.out, func() (err error) {
		if src.Model, err = l.Model(g.src.Model); err == nil {
			m, err = a.tune(ctx, &src, g.sets, c, dir)
		}
		return err
	})
	g.mu.Lock()
	defer g.mu.Unlock()
	g.err.Write(said.Bytes())
	for k, r := range m.results {
		res.measured(m.names[k], r, m.records[k])
		g.left.add(m.names[k], m.records[k].Account)
	}
	return nil
}

// counts tells how many images a cell has tuned on, by target; nil tells nobody.
type counts struct {
	grid *tuningGrid
	of   map[string]int
}

func (c *counts) at(target string, done int) {
	if c == nil {
		return
	}
	c.grid.mu.Lock()
	defer c.grid.mu.Unlock()
	c.grid.done += done - c.of[target]
	c.of[target] = done
	c.grid.bar.Set(c.grid.done)
}

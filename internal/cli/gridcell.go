package cli

import (
	"context"
	"errors"
	"path/filepath"

	"clipcalib/adapt"
	"clipcalib/calib"
	"clipcalib/internal/data"
	"clipcalib/internal/features"
	"clipcalib/internal/lanes"
	"clipcalib/internal/run"
)

// cells prepares one cell after another, and trains and evaluates them in lanes;
// those of the same parameters one after another, so that the first trains for
// all.
func (g *grid) cells(ctx context.Context, side *lanes.Set, cells []cell, bar *gridProgress) ([]cellResult, error) {
	results := make([]cellResult, len(cells))
	err := side.Each(ctx, func(yield func(lanes.Job) bool) {
		for i, c := range cells {
			bar.begin(i)
			res := &results[i]
			res.Cell = c.label
			var p *prepared
			if !res.attempt(g.out, func() (err error) { p, err = g.prepare(ctx, c); return err }) {
				bar.finish(i, res.State)
				continue
			}
			if !yield(lanes.Job{After: p.key.Parameters, Do: func(ctx context.Context, l *lanes.Lane) error {
				bar.begin(i)
				res.attempt(g.out, func() error { return g.train(ctx, l, p, res) })
				bar.finish(i, res.State)
				return nil
			}}) {
				return
			}
		}
	})
	return results, err
}

// prepared is a cell that has its data.
type prepared struct {
	cell
	ready
	key    run.Key
	lane   *lanes.Lane // nil before it trains, or where there is no other
	events *events
}

// do trains and evaluates one cell where nothing runs beside it.
func (g *grid) do(ctx context.Context, c cell, res *cellResult) error {
	p, err := g.prepare(ctx, c)
	if err != nil {
		return err
	}
	return g.train(ctx, nil, p, res)
}

func (g *grid) prepare(ctx context.Context, c cell) (*prepared, error) {
	p := &prepared{cell: c}
	if c.flags.tensorboard != "" && g.targets != nil {
		p.flags.eachEpoch = func(now adapt.Progress, a *adapt.Adapter) { g.validate(ctx, p, now, a) }
	}
	err := g.look(func() (err error) {
		p.ready, err = g.session.prepare(ctx, &p.flags, c.choice)
		return err
	})
	if err == nil {
		p.key, err = p.ready.key()
	}
	return p, err
}

// train trains and evaluates a prepared cell.
func (g *grid) train(ctx context.Context, l *lanes.Lane, p *prepared, res *cellResult) (err error) {
	p.lane = l
	res.Run = filepath.Join(g.out, p.folder(p.key.Recipe))
	_, unfinished := run.ReadModel(res.Run)
	res.State = cellKept
	p.events = newEvents(p.flags.tensorboard, filepath.Base(res.Run))
	defer func() { err = errors.Join(err, p.events.close()) }()
	g.mu.Lock()
	twin := g.trained[p.key.Parameters]
	g.mu.Unlock()
	trained, err := p.run(ctx, trainInto{lane: l, out: res.Run, twin: twin, progress: func(now adapt.Progress) {
		g.mu.Lock()
		for _, n := range now.Notes {
			g.notes[n] = true
		}
		g.mu.Unlock()
		p.events.progress(now)
	}})
	switch {
	case err != nil:
		return err
	case trained:
		res.State = cellTrained
	case unfinished != nil:
		res.State = cellShared
	}
	g.mu.Lock()
	if twin == "" {
		g.trained[p.key.Parameters] = res.Run
	}
	g.mu.Unlock()
	if p.record != nil {
		if err := keepShots(p.record, res.Run); err != nil {
			return err
		}
		g.leaves(p.record.Set, p.record.Account)
	}
	if err := g.evaluate(ctx, p, res); err != nil {
		return err
	}
	for _, t := range res.Targets {
		if res.State == cellKept {
			break // was told when it was made
		}
		if err := p.events.target(t.Dir, p.flags.data); err != nil {
			return err
		}
	}
	return nil
}

// leaves counts what a cell had to leave out.
func (g *grid) leaves(set string, of data.Account) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.left.add(set, of)
}

// at is the command and its model in a lane. Adapters need no towers there.
func (g *grid) at(l *lanes.Lane, towers bool) (*app, *features.Source, error) {
	if l == nil {
		return g.app, g.src, nil
	}
	a := *g.app
	a.lane = l
	if !towers || g.src == nil {
		return &a, g.src, nil
	}
	src := *g.src
	var err error
	src.Model, err = l.Model(g.src.Model)
	return &a, &src, err
}

// evaluate measures a cell's run on the targets.
func (g *grid) evaluate(ctx context.Context, p *prepared, res *cellResult) error {
	if len(p.flags.targets) == 0 {
		return nil
	}
	a, src, err := g.at(p.lane, p.choice.prompts != nil)
	if err != nil {
		return err
	}
	o := run.EvalOptions{Run: res.Run, Bins: calib.Options{Bins: p.flags.bins}, Device: a.opened}
	if p.lane != nil {
		o.Device = p.lane.Device
	}
	if g.targets != nil {
		f := g.eval
		f.source.keepUnderscores = p.flags.source.keepUnderscores
		var sets []*data.Set
		if err := a.look(func() (err error) { sets, err = g.targets.of(a, f); return err }); err != nil {
			return err
		}
		found, err := a.evalRun(ctx, src, sets, f, o)
		if err != nil {
			return err
		}
		for i, r := range found.results {
			res.measured(found.names[i], r, found.records[i])
			g.leaves(found.names[i], found.records[i].Account)
		}
	}
	for _, t := range g.files {
		o.Features, o.Data = []string{t.path}, &t.Data
		o.Inputs = run.Inputs{Features: o.Features, FeaturesSHA256: t.SHA256}
		o.Name = featuresName(t.path)
		r, err := run.Eval(ctx, o)
		if err != nil {
			return err
		}
		res.measured(filepath.Base(r.Dir), r, nil)
	}
	return nil
}

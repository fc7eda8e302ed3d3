package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"strings"

	"clipcalib/internal/cells"
	"clipcalib/internal/data"
	"clipcalib/internal/features"
	"clipcalib/internal/plan"
)

// hands do the cells of one command on one model and one data set, which are
// opened once.
type hands struct {
	key string // what the cells share

	grid   *grid            // of trainings
	tuning *tuningHands     // of test-time tuning
	source *features.Source // of encoding
	closed bool
}

// product is what doing a cell made: a folder below the one it was done in.
type product struct {
	folder     string
	isRun      bool
	parameters string // hash of what decides the run's parameters
	left       error  // what could not be read and is left out, nil for nothing
}

// has reports whether a file, by its path with slashes, is part of the result.
// Others are of an attempt that another program or device has begun.
func (m product) has(file string) bool {
	return strings.HasPrefix(file, m.folder+"/") && !strings.HasPrefix(path.Base(file), ".")
}

func (h *hands) close() {
	if h == nil || h.closed {
		return
	}
	h.closed = true
	if h.grid != nil {
		h.grid.session.close()
	}
	if h.tuning != nil {
		h.tuning.src.Model.Close()
	}
	if h.source != nil {
		h.source.Model.Close()
	}
}

// saw notes a result whose parameters other cells may take.
func (h *hands) saw(a *cells.Attempt) {
	if h != nil && h.grid != nil && a.Done.Parameters != "" && a.Done.Run != "" {
		h.grid.trained[a.Done.Parameters] = a.RunDir()
	}
}

func (w *worker) close() { w.hands.close() }

// share opens what cells with the same key share, unless the last had it.
func (w *worker) share(key string, open func() (*hands, error)) error {
	if w.hands != nil && w.hands.key == key {
		return nil
	}
	w.hands.close()
	w.hands = nil
	h, err := open()
	if err != nil {
		return err
	}
	h.key = key
	w.hands = h
	return nil
}

// do does a cell in a folder.
func (w *worker) do(ctx context.Context, c plan.Cell, dir string) (product, error) {
	if c.Precision != "" && w.precision != "" && c.Precision != w.precision {
		return product{}, usagef("--precision %s: cell %d is planned with %s", w.precision, c.Number, c.Precision)
	}
	if c.Precision != "" && w.opened == nil {
		w.precision = c.Precision
	}
	switch c.Command {
	case plan.Adapt:
		return w.adaptPlanned(ctx, c, dir)
	case plan.Tune:
		return w.tunePlanned(ctx, c, dir)
	}
	return w.encodePlanned(ctx, c, dir)
}

// sharedKey is what cells of one command have in common where they differ in
// the named flags alone.
func sharedKey(c plan.Cell, but ...string) (string, error) {
	r := maps.Clone(c.Recipe)
	for _, name := range but {
		delete(r, name)
	}
	raw, err := json.Marshal(r)
	return fmt.Sprintf("%s %s %s", c.Command, c.Precision, raw), err
}

// adaptPlanned trains and evaluates a cell.
func (w *worker) adaptPlanned(ctx context.Context, c plan.Cell, dir string) (product, error) {
	f, one, err := plannedAdapt(c)
	if err != nil {
		return product{}, err
	}
	if w.flags.bank != "" {
		f.source.bank, one.flags.source.bank = w.flags.bank, w.flags.bank
	}
	f.out, one.flags.out = dir, dir
	now, err := w.inputs.ofAdapt(one.flags)
	if err == nil {
		err = w.inputs.check(c, now)
	}
	if err != nil {
		return product{}, err
	}
	var flags adaptFlags
	key, err := sharedKey(c, append(varyingOf(&flags), axisMethod, "set")...)
	if err != nil {
		return product{}, err
	}
	if err := w.share(key, func() (*hands, error) {
		g, err := w.openGrid(f)
		return &hands{grid: g}, err
	}); err != nil {
		return product{}, err
	}
	g := w.hands.grid
	g.out, g.left = dir, gridAccount{}
	res := cellResult{}
	if err := g.do(ctx, one, &res); err != nil {
		return product{}, err
	}
	for n := range g.notes {
		w.note("%s", n)
	}
	clear(g.notes)
	return product{filepath.Base(res.Run), true, g.parametersOf(res.Run), g.left.end()}, nil
}

// parametersOf is under what parameters a run of this grid may be taken for
// another, "" where they may not.
func (g *grid) parametersOf(dir string) string {
	for key, of := range g.trained {
		if of == dir {
			return key
		}
	}
	return ""
}

// tuningHands are a model and its targets.
type tuningHands struct {
	src *features.Source
	set map[string]*data.Set
}

// tunePlanned tunes a cell.
func (w *worker) tunePlanned(ctx context.Context, c plan.Cell, dir string) (product, error) {
	t, err := plannedTuning(c)
	if err != nil {
		return product{}, err
	}
	if w.flags.bank != "" {
		t.source.bank = w.flags.bank
	}
	now, err := w.inputs.ofTuning(t.ttaFlags)
	if err == nil {
		err = w.inputs.check(c, now)
	}
	if err != nil {
		return product{}, err
	}
	var flags ttaFlags
	key, err := sharedKey(c, append(varyingOf(&flags), axisMethod, "set", "data", "context", "augmix", "bins")...)
	if err != nil {
		return product{}, err
	}
	if err := w.share(key, func() (*hands, error) {
		src, err := w.openSource(t.source)
		return &hands{tuning: &tuningHands{src, map[string]*data.Set{}}}, err
	}); err != nil {
		return product{}, err
	}
	h := w.hands.tuning
	var sets []*data.Set
	for _, spec := range t.data {
		if h.set[spec] == nil {
			if h.set[spec], err = w.load(t.source, spec, "test"); err != nil {
				return product{}, err
			}
		}
		sets = append(sets, h.set[spec])
	}
	out := filepath.Join(dir, t.folder(h.src))
	m, err := w.tune(ctx, h.src, sets, t, out)
	if err != nil {
		return product{}, err
	}
	left := gridAccount{}
	for i, r := range m.records {
		left.add(m.names[i], r.Account)
	}
	return product{folder: filepath.Base(out), isRun: true, left: left.end()}, nil
}

package cli

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"clipcalib/calib"
	"clipcalib/internal/data"
	"clipcalib/internal/features"
	"clipcalib/internal/lanes"
	"clipcalib/internal/run"
)

// What became of a cell.
const (
	cellTrained = "trained"
	cellShared  = "shared" // took the parameters of another cell, which are the same
	cellKept    = "kept"   // was there
	cellDone    = "done"   // evaluated
	cellFailed  = "failed"
)

// cellResult is what came of a cell, in the form of JSON.
type cellResult struct {
	Cell     string       `json:"cell"`
	Number   *int         `json:"number,omitempty"` // of a plan
	ID       string       `json:"id,omitempty"`
	Run      string       `json:"run,omitempty"`
	State    string       `json:"state"`
	Error    string       `json:"error,omitempty"`
	ExitCode int          `json:"exit_code"`
	Targets  []cellTarget `json:"targets,omitempty"`

	Protocol *protocolFound `json:"protocol,omitempty"`
}

type cellTarget struct {
	Run      string        `json:"run"`
	Target   string        `json:"target"`
	Dir      string        `json:"dir"`
	Metrics  calib.Metrics `json:"metrics"`
	ZeroShot calib.Metrics `json:"zero_shot"`
	Doubts   []string      `json:"doubts,omitempty"`
}

// measured notes what a run gave on a target; record is nil for one of features.
func (r *cellResult) measured(target string, found run.Result, record *data.Record) {
	t := cellTarget{Run: r.Run, Target: target, Dir: found.Dir, Metrics: found.Metrics, ZeroShot: found.ZeroShot}
	if record != nil {
		t.Doubts = record.Doubts
	}
	r.Targets = append(r.Targets, t)
}

// grid is many trainings in one command: on one model, device and bank.
type grid struct {
	*app
	session
	out     string
	eval    evalFlags
	targets targetSets    // that every run is evaluated on
	files   []featureFile // in place of them

	mu      sync.Mutex // of what follows
	trained map[string]string
	left    gridAccount
	notes   map[string]bool // of the trainings
}

// featureFile is a target that is a file of features.
type featureFile struct {
	path string
	run.Features
}

// adaptGrid trains every cell into a folder below --out and evaluates it on the
// targets. What fails is listed at the end and stops nothing else.
func (a *app) adaptGrid(ctx context.Context, f adaptFlags, cells []cell) error {
	switch {
	case run.IsRun(f.out):
		return usagef("--out %s: it is a run itself: name another folder, below which the runs of the grid go", f.out)
	case f.bins < 1:
		return usagef("--bins wants at least 1")
	}
	scalers, err := f.scalers.open()
	if err != nil {
		return err
	}
	g, err := a.openGrid(f)
	if err != nil {
		return err
	}
	defer g.session.close()
	work := lanes.Work{Jobs: len(cells)}
	if slices.ContainsFunc(cells, func(c cell) bool { return c.choice.prompts != nil }) {
		work.Towers = &g.src.Model.Config
	}
	side, err := a.openLanes(work)
	if err != nil {
		return err
	}
	defer side.Close()
	bar := a.gridProgress(cells, side.Len())
	results, err := g.cells(ctx, side, cells, bar)
	if err != nil {
		bar.end()
		return err
	}
	bar.end()
	for _, n := range slices.Sorted(maps.Keys(g.notes)) {
		a.note("%s", n)
	}
	judgeAll(f.protocol, results)
	return a.gridDone(f.bins, results, g.left, scalers)
}

// openGrid opens what all cells share. The cells then work without a word: what
// there is to say of them the grid says.
func (a *app) openGrid(f adaptFlags) (*grid, error) {
	g := &grid{out: f.out, trained: map[string]string{}, left: gridAccount{}, notes: map[string]bool{}}
	g.eval = evalFlags{source: f.source, data: f.targets, bins: f.bins}
	if err := checkOutputFolder(f.out); err != nil {
		return nil, err
	}
	a.encoded = &encodedSets{of: map[*data.Set]map[features.Views]features.Set{}}
	g.session.a = a
	if len(f.features) > 0 {
		if err := g.openFiles(f); err != nil {
			return nil, err
		}
	} else {
		if err := g.session.load(&f); err != nil {
			return nil, err
		}
		g.targets = targetSets{}
		if _, err := g.targets.of(a, g.eval); err != nil {
			return nil, err
		}
		if err := g.session.open(f.source); err != nil {
			return nil, err
		}
	}
	if _, err := a.openDevice(); err != nil {
		return nil, err
	}
	silent := *a
	silent.quiet = true
	g.app, g.session.a = &silent, &silent
	return g, nil
}

// targetSets are the sets that runs are evaluated on, by whether their class
// names keep underscores, which is for the run's recipe to say.
type targetSets map[bool][]*data.Set

// of reads the targets, once.
func (t targetSets) of(a *app, f evalFlags) (sets []*data.Set, err error) {
	if sets, ok := t[f.source.keepUnderscores]; ok {
		return sets, nil
	}
	if sets, err = a.targets(f); err == nil {
		t[f.source.keepUnderscores] = sets
	}
	return sets, err
}

// openFiles reads the feature files once.
func (g *grid) openFiles(f adaptFlags) error {
	all, err := run.ReadTraining(f.features...)
	if err != nil {
		return fmt.Errorf("adapt: %w", err)
	}
	g.session.files = &all
	for _, path := range f.targets {
		t, err := run.ReadFeatures(path)
		if err != nil {
			return fmt.Errorf("--targets: %w", err)
		}
		if t.Data.Features.Rows == 0 || len(t.Data.Labels) == 0 {
			return fmt.Errorf("--targets %s: it holds no features or no labels", path)
		}
		g.files = append(g.files, featureFile{path, t})
	}
	return nil
}

// featuresName is the name of a target that is a file of features.
func featuresName(path string) string {
	return strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
}

// tick is how often a grid says where it is.
const tick = time.Second

package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"

	"clipcalib/internal/data"
	"clipcalib/internal/features"
	"clipcalib/internal/run"
)

// sight is what a command has seen of the contents of its sets.
type sight struct {
	mu sync.Mutex // held by who looks at sets or encodes them, while others train

	said     map[string]bool             // doubts that were told
	contents map[*data.Set]data.Contents // of sets looked at
	readable map[*data.Set]readableSet
	targets  map[string]*data.Set // by the hash of what they hold
}

func newSight() *sight {
	return &sight{said: map[string]bool{}, contents: map[*data.Set]data.Contents{}, targets: map[string]*data.Set{},
		readable: map[*data.Set]readableSet{}}
}

// look does what looks at sets or encodes them, which one lane does at a time.
func (a *app) look(do func() error) error {
	if a.lane != nil {
		a.lane.Lock(&a.seen.mu)
	} else {
		a.seen.mu.Lock()
	}
	defer a.seen.mu.Unlock()
	return do()
}

// doubt tells once what may be wrong with a set or its figures, quiet or not.
func (a *app) doubt(line string) {
	if !a.seen.said[line] {
		a.seen.said[line] = true
		fmt.Fprintf(a.err, "note: %s\n", line)
	}
}

// contentsOf are the hashes of a set's pictures, taken once.
func (a *app) contentsOf(src *features.Source, set *data.Set) (data.Contents, error) {
	if all, ok := a.seen.contents[set]; ok {
		return all, nil
	}
	all, err := set.Contents(src.Bank)
	if err == nil {
		a.seen.contents[set] = all
	}
	return all, err
}

// lookAt notes in the record of a set's kept items what their contents show and their
// hashes, and tells it.
func (a *app) lookAt(src *features.Source, set *data.Set, kept []int, r *data.Record) (data.Contents, error) {
	all, err := a.contentsOf(src, set)
	if err != nil {
		return nil, err
	}
	contents, items := make(data.Contents, len(kept)), make([]data.Item, len(kept))
	for i, k := range kept {
		contents[i], items[i] = all[k], set.Items[k]
	}
	r.ContentsSHA256 = contents.Sum()
	if line := set.With(items).TwoLabels(contents); line != "" {
		r.Doubts = append(r.Doubts, line)
	}
	for _, line := range r.Doubts {
		a.doubt(line)
	}
	for i := range contents {
		r.Rows[i].SHA256 = contents.Hex(i)
	}
	return contents, nil
}

// lookAtTarget is lookAt for a target of a run: it may hold what the run learned
// from, or be another target under a second name.
func (a *app) lookAtTarget(src *features.Source, set *data.Set, kept []int, r *data.Record, dir string) error {
	contents, err := a.lookAt(src, set, kept, r)
	if err != nil {
		return err
	}
	if first := a.seen.targets[r.ContentsSHA256]; r.ContentsSHA256 == "" {
	} else if first == nil {
		a.seen.targets[r.ContentsSHA256] = set
	} else if first.Name != set.Name || first.Root != set.Root {
		a.doubt(fmt.Sprintf("targets %s (%s) and %s (%s) hold the same pictures: one target under two names",
			first.Name, first.Root, set.Name, set.Root))
	}
	if dir == "" {
		return nil
	}
	learnt, err := data.ReadHashes(filepath.Join(dir, run.ShotsFile))
	if errors.Is(err, fs.ErrNotExist) { // learned elsewhere, or from features
		return nil
	}
	if err != nil {
		return err
	}
	if n, i := contents.Among(learnt); n > 0 {
		line := data.LearntDoubt(set.Name, n, len(kept), r.Rows[i].File)
		r.Doubts = append(r.Doubts, line)
		a.doubt(line)
	}
	return nil
}

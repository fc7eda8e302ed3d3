package verify

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"

	"clipcalib/internal/data"
	"clipcalib/internal/data/catalog"
)

// Options says what is looked for and how closely.
type Options struct {
	Sets []*catalog.Set // nil looks for all
	Deep bool           // decode every picture, and compare contents
	// Progress, unless nil, is told of pictures decoded, and of how many.
	Progress func(done, total int)
}

// Root verifies the sets in the folders of root, or the one that root is.
func Root(ctx context.Context, root string, o Options) (*Report, error) {
	if o.Sets == nil {
		o.Sets = catalog.Sets()
	}
	places, other, err := Places(root, o.Sets)
	if err != nil {
		return nil, err
	}
	r := &Report{Root: root, Sets: []*Set{}, Absent: []string{}, Other: other}
	for _, k := range o.Sets {
		if !slices.ContainsFunc(places, func(p Place) bool { return p.Set == k }) {
			r.Absent = append(r.Absent, k.ID)
		}
	}
	var entries atomic.Int64
	for _, p := range places {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s := &Set{Name: p.Set.ID, Path: p.Path, Want: p.Set.Classes, Parts: []Part{}, Findings: []Finding{},
			known: p.Set}
		c := &checker{Set: s, ctx: ctx, deep: o.Deep, entries: &entries}
		if err := c.check(); err != nil {
			return nil, fmt.Errorf("%s in %s: %w", s.Name, s.Path, err)
		}
		r.Sets = append(r.Sets, s)
	}
	if o.Deep {
		if err := deep(ctx, r.Sets, o.Progress); err != nil {
			return nil, err
		}
	}
	for _, s := range r.Sets {
		s.sort()
		s.Verdict = s.State()
	}
	r.Files = int(entries.Load())
	return r, nil
}

// Place is where a set was found.
type Place struct {
	Set  *catalog.Set
	Path string
}

// Places looks for sets by the names of the folders of root, or of root itself, and
// lists the folders of no known set.
func Places(root string, sets []*catalog.Set) (places []Place, other []string, err error) {
	info, err := os.Stat(root)
	if err != nil {
		return nil, nil, fmt.Errorf("data root %s: %w", root, cause(err))
	}
	if !info.IsDir() {
		return nil, nil, fmt.Errorf("data root %s: it is a file, want the folder that holds the data sets", root)
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, nil, fmt.Errorf("data root %s: %w", root, cause(err))
	}
	other = []string{}
	for _, e := range entries {
		path := filepath.Join(root, e.Name())
		if data.Ignored(e.Name()) != "" || !isFolder(path, e) {
			continue
		}
		if k := called(e.Name(), sets); k != nil {
			places = append(places, Place{k, path})
		} else if called(e.Name(), catalog.Sets()) == nil {
			other = append(other, e.Name())
		}
	}
	abs, err := filepath.Abs(root)
	if err != nil {
		return nil, nil, err
	}
	// SUN397 holds a folder of its own name, so a root that is called as a set is
	// that set.
	if k := called(filepath.Base(abs), sets); k != nil {
		return []Place{{k, root}}, []string{}, nil
	}
	slices.SortStableFunc(places, func(a, b Place) int { return slices.Index(sets, a.Set) - slices.Index(sets, b.Set) })
	return places, other, nil
}

func called(name string, sets []*catalog.Set) *catalog.Set {
	for _, k := range sets {
		if k.Called(name) {
			return k
		}
	}
	return nil
}

func isFolder(path string, e os.DirEntry) bool {
	if e.Type()&os.ModeSymlink == 0 {
		return e.IsDir()
	}
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// cause drops the path that an os error repeats.
func cause(err error) error {
	if p, ok := err.(*os.PathError); ok {
		return p.Err
	}
	return err
}

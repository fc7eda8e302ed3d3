package verify

import (
	"context"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"clipcalib/internal/data"
	"clipcalib/internal/imageio"

	"golang.org/x/sync/errgroup"
)

// readers is how many folders are read at a time: they wait for the disk more
// than for a processor.
const readers = 16

// maxDepth bounds folders within folders, and links that go round.
const maxDepth = 12

// folder is a folder that was read.
type folder struct {
	path     string // relative to where the walk began, with slashes; "" for that itself
	pictures []string
	others   []string // files that are no pictures by their names
}

// walk reads all folders at and below dir.
func walk(ctx context.Context, dir string, entries *atomic.Int64) ([]folder, error) {
	w := &walker{root: dir, entries: entries}
	w.group, w.ctx = errgroup.WithContext(ctx)
	w.slots = make(chan struct{}, readers)
	w.visit("", 0)
	if err := w.group.Wait(); err != nil {
		return nil, err
	}
	slices.SortFunc(w.folders, func(a, b folder) int {
		if a.path < b.path {
			return -1
		}
		return 1
	})
	return w.folders, nil
}

type walker struct {
	root    string
	ctx     context.Context
	group   *errgroup.Group
	slots   chan struct{}
	entries *atomic.Int64

	mu      sync.Mutex
	folders []folder
}

// visit reads a folder on its own, and has those in it visited.
func (w *walker) visit(rel string, depth int) {
	w.group.Go(func() error {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		w.slots <- struct{}{}
		f, below, err := w.read(rel)
		<-w.slots
		if err != nil {
			return err
		}
		w.mu.Lock()
		w.folders = append(w.folders, f)
		w.mu.Unlock()
		if depth < maxDepth {
			for _, name := range below {
				w.visit(path.Join(rel, name), depth+1)
			}
		}
		return nil
	})
}

func (w *walker) read(rel string) (f folder, below []string, err error) {
	f.path = rel
	full := filepath.Join(w.root, filepath.FromSlash(rel))
	d, err := os.Open(full)
	if err != nil {
		return f, nil, err
	}
	defer d.Close()
	list, err := d.ReadDir(-1) // not sorted: most of the time would go there
	if err != nil {
		return f, nil, err
	}
	w.entries.Add(int64(len(list)))
	for _, e := range list {
		name := e.Name()
		switch {
		case data.Ignored(name) != "":
		case isFolder(filepath.Join(full, name), e):
			below = append(below, name)
		case imageio.IsPicture(name):
			f.pictures = append(f.pictures, name)
		default:
			f.others = append(f.others, name)
		}
	}
	return f, below, nil
}

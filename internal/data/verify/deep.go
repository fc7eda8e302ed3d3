package verify

import (
	"context"
	"crypto/sha256"
	"errors"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"clipcalib/internal/data"
	"clipcalib/internal/imageio"

	"golang.org/x/sync/errgroup"
)

// picture is a picture that is there. Of a large set there are a million.
type picture struct {
	name        string     // relative to the set's folder
	item        *data.Item // of a container; nil for a file
	class, part string
}

// deep decodes the pictures of all sets.
func deep(ctx context.Context, sets []*Set, progress func(done, total int)) error {
	total, done := 0, 0
	for _, s := range sets {
		total += len(s.files)
	}
	var mu sync.Mutex
	for _, s := range sets {
		d := decoded{sums: make([]digest, len(s.files)), wrong: map[int]string{}}
		g, running := errgroup.WithContext(ctx)
		g.SetLimit(runtime.GOMAXPROCS(0))
		for i := range s.files {
			if running.Err() != nil {
				break
			}
			g.Go(func() error {
				wrong, err := d.decode(i, s)
				mu.Lock()
				defer mu.Unlock()
				if wrong != "" {
					d.wrong[i] = wrong
				}
				if done++; progress != nil {
					progress(done, total)
				}
				return err
			})
		}
		if err := errors.Join(g.Wait(), ctx.Err()); err != nil {
			return err
		}
		s.Decoded = len(s.files)
		d.report(s)
	}
	return nil
}

type digest [sha256.Size]byte

// decoded is what came of decoding a set's pictures, by their number.
type decoded struct {
	sums  []digest // of contents; zero of those that cannot be read
	wrong map[int]string
}

// decode decodes picture i, and says what keeps it from being a picture. The error
// is of the machine.
func (d *decoded) decode(i int, s *Set) (wrong string, err error) {
	it := data.Item{Path: filepath.Join(s.Path, filepath.FromSlash(s.files[i].name))}
	if s.files[i].item != nil {
		it = *s.files[i].item
	}
	content, err := it.Content()
	if err == nil {
		d.sums[i] = sha256.Sum256(content)
		_, err = imageio.Decode(content)
	}
	if err == nil || data.LackOfMeans(err) {
		return "", err
	}
	return strings.TrimPrefix(err.Error(), "image "+it.Path+": "), nil
}

func (d decoded) report(s *Set) {
	var damaged, across, unlike, same []string
	first := map[digest]int{}
	for i, p := range s.files {
		if d.wrong[i] != "" {
			damaged = append(damaged, p.name+": "+d.wrong[i])
		}
		if d.sums[i] == (digest{}) {
			continue
		}
		j, ok := first[d.sums[i]]
		if !ok {
			first[d.sums[i]] = i
			continue
		}
		q := s.files[j]
		pair := q.name + " = " + p.name
		switch {
		case q.class != p.class:
			unlike = append(unlike, pair)
		case q.part != p.part:
			across = append(across, pair)
		default:
			same = append(same, pair)
		}
	}
	s.about(Wrong, KindDamaged, damaged, "pictures that cannot be decoded",
		"unpack them again; commands leave them out, count them and end with exit code 3")
	s.about(Warning, KindSame, unlike, "one content under two labels", "")
	s.about(Warning, KindSame, across, "one content in two parts: what is measured was learnt from", "")
	s.about(Note, KindSame, same, "one content under two names", "")
}

package data

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"clipcalib/internal/atomicfile"
	"clipcalib/internal/regular"
)

// digest is a SHA-256.
type digest = [sha256.Size]byte

// contents returns the hashes of the content of the set's files; those that
// cannot be read have none.
func (s *Set) contents(cache string) (map[string]digest, error) {
	known := openHashes(cache, s.Root)
	out := map[string]digest{}
	var files []string
	for _, it := range s.Items {
		if file := it.file(); it.Load == nil {
			if _, listed := out[file]; !listed {
				out[file] = digest{}
				files = append(files, file)
			}
		}
	}
	found := make([]*digest, len(files))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, file := range files {
		g.Go(func() error {
			d, err := known.of(file)
			if err == nil {
				found[i] = &d
			}
			if LackOfMeans(err) {
				return fmt.Errorf("image %s: %w", file, cause(err))
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for i, file := range files {
		if found[i] == nil {
			delete(out, file)
		} else {
			out[file] = *found[i]
		}
	}
	return out, known.write()
}

// hashes are the contents that were hashed before, by a file's path and state.
type hashes struct {
	path string // of the cache; "" keeps nothing
	mu   sync.Mutex
	have map[digest]digest
	new  int
}

// The file of a cache is hashesMagic, pairs of a key and a content's hash, and
// the hash of all that.
const hashesMagic = "clipcalib contents 1\n"

func openHashes(cache, root string) *hashes {
	h := &hashes{have: map[digest]digest{}}
	if cache == "" {
		return h
	}
	place, err := filepath.Abs(root)
	if err != nil {
		return h
	}
	sum := sha256.Sum256([]byte(place))
	h.path = filepath.Join(cache, "contents", hex.EncodeToString(sum[:8]))
	raw, err := regular.ReadFile(h.path)
	body, ok := bytes.CutPrefix(raw, []byte(hashesMagic))
	if err != nil || !ok || len(body) < sha256.Size {
		return h
	}
	end := len(raw) - sha256.Size
	if sum := sha256.Sum256(raw[:end]); !bytes.Equal(sum[:], raw[end:]) {
		return h // damaged: made again
	}
	for body = body[:len(body)-sha256.Size]; len(body) >= 2*sha256.Size; body = body[2*sha256.Size:] {
		h.have[digest(body)] = digest(body[sha256.Size:])
	}
	return h
}

// settled is how old a file's times must be before its state is believed: a
// later change within the clock's step would not show.
const settled = 2 * time.Second

// of returns the hash of a file's content.
func (h *hashes) of(file string) (digest, error) {
	// Before it is opened: a pipe would wait for its other end.
	info, err := os.Stat(file)
	if err != nil {
		return digest{}, err
	}
	if !info.Mode().IsRegular() {
		return digest{}, errors.New("not a regular file")
	}
	state, changed, stated := stateOf(info)
	key := sha256.Sum256(fmt.Appendf(nil, "%q %d %d %v", file, info.Size(), info.ModTime().UnixNano(), state))
	h.mu.Lock()
	d, ok := h.have[key]
	h.mu.Unlock()
	if ok && stated {
		return d, nil
	}
	f, err := regular.Open(file)
	if err != nil {
		return digest{}, err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return digest{}, err
	}
	d = digest(sum.Sum(nil))
	if old := time.Since(changed) > settled && time.Since(info.ModTime()) > settled; stated && old {
		h.mu.Lock()
		h.have[key] = d
		h.new++
		h.mu.Unlock()
	}
	return d, nil
}

// write keeps what was hashed anew.
func (h *hashes) write() error {
	if h.path == "" || h.new == 0 {
		return nil
	}
	raw := []byte(hashesMagic)
	for key, d := range h.have {
		raw = append(append(raw, key[:]...), d[:]...)
	}
	sum := sha256.Sum256(raw)
	return atomicfile.WriteBytes(h.path, append(raw, sum[:]...))
}

package data

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"image"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"clipcalib/internal/imageio"
)

// Fingerprint is a SHA-256 over the pictures of the set in order: each item's
// path relative to the root and the whole content of its file. Labels and the
// place of the root do not enter, so that features computed once serve a set
// that is moved or relabelled. A file that cannot be read enters as such, so that
// it counts as changed once it can. Items in memory enter by their pixels, those
// in a container by its content and their place in it.
//
// Contents are hashed once: hashes are kept in the folder cache, unless it is
// "", and hold while size, times and inode of a file stay as they were.
func (s *Set) Fingerprint(cache string) (string, error) {
	contents, err := s.contents(cache)
	if err != nil {
		return "", err
	}
	var made []int // the items in memory, whose pictures are made by code, on all processors
	for i, it := range s.Items {
		if it.Load != nil {
			made = append(made, i)
		}
	}
	next, stop := iter.Pull2(imageio.Ordered(context.Background(), len(made), 0, loadAhead,
		func(i int) (*image.NRGBA, error) { return s.Items[made[i]].Image() }))
	defer stop()
	sum := sha256.New()
	for _, it := range s.Items {
		writeSized(sum, []byte(it.Key(s.Root)))
		if it.Load != nil {
			img, err, _ := next()
			if err != nil {
				return "", err
			}
			hashPixels(sum, img)
			continue
		}
		content, ok := contents[it.file()]
		if !ok {
			writeNumber(sum, -1)
			continue
		}
		sum.Write(content[:])
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// file is the file that holds an item's picture.
func (it Item) file() string {
	if it.Container != "" {
		return it.Container
	}
	return it.Path
}

// loadAhead is the number of pictures in memory that are made before they are
// hashed.
const loadAhead = 32

func hashPixels(sum hash.Hash, img *image.NRGBA) {
	writeNumber(sum, img.Rect.Dx())
	writeNumber(sum, img.Rect.Dy())
	sum.Write(img.Pix)
}

// Key is the item's path relative to root with forward slashes, or the path as
// it is when it lies elsewhere: a name for the item that survives moving the
// set, for seeds of augmentations and for records.
func (it Item) Key(root string) string {
	if root == "" || it.Load != nil {
		return filepath.ToSlash(it.Path)
	}
	file, row, inside := it.Path, "", false
	if it.Container != "" {
		file, row, inside = it.Container, strings.TrimPrefix(it.Path, it.Container), true
	}
	rel, err := filepath.Rel(root, file)
	if err != nil || !filepath.IsLocal(rel) {
		rel = file
	}
	if inside {
		return filepath.ToSlash(rel) + row
	}
	return filepath.ToSlash(rel)
}

func writeSized(sum hash.Hash, b []byte) {
	writeNumber(sum, len(b))
	sum.Write(b)
}

func writeNumber(sum hash.Hash, n int) {
	sum.Write(binary.LittleEndian.AppendUint64(nil, uint64(n)))
}

// Listing is a SHA-256 over the list of the set's pictures in order, with labels
// and classes, that reads no picture: files enter by their paths relative to the
// root, containers by their size too.
func (s *Set) Listing() (string, error) {
	sum := sha256.New()
	writeNumber(sum, len(s.Classes))
	for _, c := range s.Keys() {
		writeSized(sum, []byte(c.Folder))
		writeSized(sum, []byte(c.Name))
	}
	sizes := map[string]int64{}
	for _, it := range s.Items {
		writeSized(sum, []byte(it.Key(s.Root)))
		writeNumber(sum, it.Label)
		if it.Container == "" {
			continue
		}
		if _, known := sizes[it.Container]; !known {
			info, err := os.Stat(it.Container)
			if err != nil {
				return "", err
			}
			sizes[it.Container] = info.Size()
		}
		writeNumber(sum, int(sizes[it.Container]))
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

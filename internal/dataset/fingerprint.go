package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"os"
	"path/filepath"
)

// edge is how much of either end of a file a quick fingerprint reads.
const edge = 4096

// Fingerprint is a SHA-256 over the pictures of the set in order: each item's
// path relative to the root, its file's size and the first and last 4 KiB of
// its content, where encoded pictures differ if they differ at all; all of its
// content if whole is set. Labels and the place of the root do not enter, so
// that features computed once serve a set that is moved or relabelled. A file
// that cannot be read enters as such, so that it counts as changed once it can.
// Items in memory enter by their pixels.
func (s *Set) Fingerprint(whole bool) (string, error) {
	sum := sha256.New()
	for _, it := range s.Items {
		writeSized(sum, []byte(it.Key(s.Root)))
		if it.Load != nil {
			if err := it.hashPixels(sum); err != nil {
				return "", err
			}
			continue
		}
		content := sha256.New()
		if err := it.hashFile(content, whole); err != nil {
			writeNumber(sum, -1)
			continue
		}
		sum.Write(content.Sum(nil))
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func (it Item) hashPixels(sum hash.Hash) error {
	img, err := it.Image()
	if err != nil {
		return err
	}
	writeNumber(sum, img.Rect.Dx())
	writeNumber(sum, img.Rect.Dy())
	sum.Write(img.Pix)
	return nil
}

func (it Item) hashFile(sum hash.Hash, whole bool) error {
	f, err := os.Open(it.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("not a regular file")
	}
	size := info.Size()
	writeNumber(sum, int(size))
	if whole || size <= 2*edge {
		_, err = io.Copy(sum, f)
		return err
	}
	buf := make([]byte, edge)
	for _, at := range []int64{0, size - edge} {
		if _, err := f.ReadAt(buf, at); err != nil {
			return err
		}
		sum.Write(buf)
	}
	return nil
}

// Key is the item's path relative to root with forward slashes, or the path as
// it is when it lies elsewhere: a name for the item that survives moving the
// set, for seeds of augmentations and for records.
func (it Item) Key(root string) string {
	if root == "" || it.Load != nil {
		return filepath.ToSlash(it.Path)
	}
	rel, err := filepath.Rel(root, it.Path)
	if err != nil || !filepath.IsLocal(rel) {
		return filepath.ToSlash(it.Path)
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

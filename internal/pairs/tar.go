package pairs

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"

	"clipcalib/internal/imageio"
)

// maxMembers bounds the index of one archive.
const maxMembers = 10_000_000

// tars is one or several archives, one after the other.
type tars struct {
	files   []*os.File
	size    int
	samples []sample
}

// sample is a picture's place in an archive and its caption.
type sample struct {
	file    int
	name    string
	at      int64
	length  int64
	caption string
}

// looksTar tells a tar archive by its magic word.
func looksTar(head []byte) bool {
	return len(head) >= 262 && string(head[257:262]) == "ustar"
}

// openTars opens every .tar file of a folder, in the order of their names.
func openTars(folder string, size int) (Pairs, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() && strings.HasSuffix(strings.ToLower(e.Name()), ".tar") {
			names = append(names, e.Name())
		}
	}
	if len(names) == 0 {
		return nil, errors.New("no .tar archives in this folder")
	}
	sort.Strings(names)
	var files []*os.File
	for _, name := range names {
		f, err := os.Open(filepath.Join(folder, name))
		if err != nil {
			closeAll(files)
			return nil, err
		}
		files = append(files, f)
	}
	p, err := newTars(files, size)
	if err != nil {
		closeAll(files)
		return nil, err
	}
	return p, nil
}

func newTars(files []*os.File, size int) (Pairs, error) {
	t := &tars{files: files, size: size}
	for i, f := range files {
		samples, err := indexTar(f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(f.Name()), err)
		}
		for _, s := range samples {
			s.file = i
			t.samples = append(t.samples, s)
		}
	}
	if len(t.samples) == 0 {
		return nil, errors.New("no picture with a caption in it: want NAME.jpg beside NAME.txt")
	}
	return t, nil
}

// indexTar pairs pictures with the captions of the same name up to the first
// dot of the base name, as webdataset does; the two may come in any order.
// Members without their other half are left out.
func indexTar(r io.ReadSeeker) ([]sample, error) {
	var samples []sample
	captions := map[string]string{}
	members := tar.NewReader(r)
	for n := 0; ; n++ {
		h, err := members.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("member %d: %w", n+1, truncated(err))
		}
		if n >= maxMembers {
			return nil, fmt.Errorf("more than %d members", maxMembers)
		}
		if h.Typeflag != tar.TypeReg || h.PAXRecords["GNU.sparse.major"] != "" || h.PAXRecords["GNU.sparse.map"] != "" {
			continue
		}
		name, suffix := splitName(h.Name)
		switch {
		case imageio.IsPicture("." + suffix):
			// The archive is read without a buffer, so the file stands where
			// the member's bytes start.
			at, err := r.Seek(0, io.SeekCurrent)
			if err != nil {
				return nil, err
			}
			samples = append(samples, sample{name: h.Name, at: at, length: h.Size, caption: name})
		case suffix == "txt":
			if h.Size > maxCaption {
				return nil, fmt.Errorf("%s: caption of %d bytes, want at most %d", h.Name, h.Size, maxCaption)
			}
			text, err := io.ReadAll(members)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", h.Name, truncated(err))
			}
			captions[name] = string(bytes.TrimSpace(text))
		}
	}
	whole := samples[:0]
	for _, s := range samples {
		if s.caption = captions[s.caption]; s.caption != "" {
			whole = append(whole, s)
		}
	}
	return whole, nil
}

// splitName cuts a member's name at the first dot of its last part.
func splitName(name string) (key, suffix string) {
	dir, base := path.Split(name)
	stem, suffix, _ := strings.Cut(base, ".")
	return dir + stem, strings.ToLower(suffix)
}

func (t *tars) Len() int      { return len(t.samples) }
func (t *tars) Size() int     { return t.size }
func (t *tars) Kind(int) Kind { return Coloured }
func (t *tars) Close() error  { return closeAll(t.files) }

func (t *tars) Captions(i int) ([]string, error) {
	if err := checkIndex(i, len(t.samples)); err != nil {
		return nil, err
	}
	return []string{t.samples[i].caption}, nil
}

func (t *tars) Image(i int, dst []byte) error {
	if err := checkIndex(i, len(t.samples)); err != nil {
		return err
	}
	if err := checkRoom(dst, t.size); err != nil {
		return err
	}
	s := t.samples[i]
	if s.length > imageio.DefaultLimits.Bytes {
		return fmt.Errorf("image %s: %d bytes, more than the limit of %d", s.name, s.length, imageio.DefaultLimits.Bytes)
	}
	// The member's length is the archive's claim: only bytes that are there
	// take memory.
	data, err := io.ReadAll(io.NewSectionReader(t.files[s.file], s.at, s.length))
	if err != nil {
		return fmt.Errorf("image %s: %w", s.name, err)
	}
	if int64(len(data)) < s.length {
		return fmt.Errorf("image %s: archive is truncated", s.name)
	}
	img, err := imageio.Decode(data)
	if err != nil {
		return fmt.Errorf("image %s: %w", s.name, err)
	}
	return fit(dst, img, t.size)
}

func closeAll(files []*os.File) error {
	var errs []error
	for _, f := range files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

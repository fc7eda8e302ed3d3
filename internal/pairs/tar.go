package pairs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"clipcalib/internal/data"
	"clipcalib/internal/imageio"
	"clipcalib/internal/regular"
)

// tars is one or several archives, one after the other.
type tars struct {
	files   []archive
	size    int
	samples []sample
	others  []data.LeftOut
}

// archive is what an archive is read from, such as an open file.
type archive interface {
	io.ReadSeekCloser
	io.ReaderAt
	Name() string
}

// sample is a picture's place in an archive and its caption.
type sample struct {
	data.Member
	file    int
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
	var files []archive
	for _, name := range names {
		f, err := regular.Open(filepath.Join(folder, name))
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

func newTars(files []archive, size int) (Pairs, error) {
	t := &tars{files: files, size: size}
	for i, f := range files {
		samples, others, err := indexTar(f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(f.Name()), err)
		}
		for _, o := range others {
			o.File = filepath.Base(f.Name()) + "#" + o.File
			t.others = append(t.others, o)
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
// Pictures without a caption are left out, and listed with the other members.
func indexTar(r io.ReadSeeker) (samples []sample, others []data.LeftOut, err error) {
	pictures, others, err := data.IndexTar(r)
	if err != nil {
		return nil, nil, err
	}
	for _, m := range pictures {
		if caption := m.Beside["txt"]; caption != "" {
			samples = append(samples, sample{Member: m, caption: caption})
		} else {
			others = append(others, data.LeftOut{File: m.Name, Reason: "pictures without a caption"})
		}
	}
	return samples, others, nil
}

func (t *tars) Len() int      { return len(t.samples) }
func (t *tars) Size() int     { return t.size }
func (t *tars) Kind(int) Kind { return Coloured }
func (t *tars) Close() error  { return closeAll(t.files) }

func (t *tars) Ignored() []data.LeftOut { return t.others }

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
	encoded, err := s.Read(t.files[s.file])
	if err != nil {
		return fmt.Errorf("image %s: %w", s.Name, err)
	}
	img, err := imageio.Decode(encoded)
	if err != nil {
		return fmt.Errorf("image %s: %w", s.Name, err)
	}
	return fit(dst, img, t.size)
}

func closeAll(files []archive) error {
	var errs []error
	for _, f := range files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

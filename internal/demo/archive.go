package demo

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"image/png"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"clipcalib/internal/atomicfile"
	"clipcalib/internal/data"
)

// archiveParts are the folds as parts of a data set on disk, which training and
// measuring look for by these names.
var archiveParts = map[Fold]string{FoldShots: "train", FoldVal: "val", FoldTest: "test"}

// Archive writes folds of a domain below dir as a data set that every command
// reads: a webdataset archive a fold, with pictures as PNG and their labels beside
// them, and the class names. Of a fold it takes at most most pictures, evenly
// spaced; 0 is all. Files that hold this already are left alone, others
// refused.
func (t *Task) Archive(dir string, d *Domain, most int, folds ...Fold) error {
	var names bytes.Buffer
	for i, c := range t.Classes {
		fmt.Fprintf(&names, "%d\t%s\n", i, c)
	}
	if err := keepFile(filepath.Join(dir, "classnames.txt"), names.Bytes()); err != nil {
		return err
	}
	for _, f := range folds {
		set, err := d.Set(f)
		if err != nil {
			return err
		}
		var b bytes.Buffer
		if err := archive(&b, set, most); err != nil {
			return fmt.Errorf("demo domain %s, fold %s: %w", d.Name, f, err)
		}
		if err := keepFile(filepath.Join(dir, archiveParts[f]+".tar"), b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

func archive(to io.Writer, set *data.Set, most int) error {
	w := tar.NewWriter(to)
	add := func(name string, content []byte) error {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
			return err
		}
		_, err := w.Write(content)
		return err
	}
	n := len(set.Items)
	if most <= 0 || most > n {
		most = n
	}
	for j := range most {
		i := j * n / most
		img, err := set.Items[i].Image()
		if err != nil {
			return err
		}
		var encoded bytes.Buffer
		if err := png.Encode(&encoded, img); err != nil {
			return err
		}
		if err := add(fmt.Sprintf("%05d.png", i), encoded.Bytes()); err != nil {
			return err
		}
		if err := add(fmt.Sprintf("%05d.cls", i), fmt.Appendf(nil, "%d", set.Items[i].Label)); err != nil {
			return err
		}
	}
	return w.Close()
}

// keepFile writes a file that is not there, or holds the content already. Another
// content is refused: runs in that folder, which may be at work, have read it.
func keepFile(path string, content []byte) error {
	there, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return atomicfile.WriteBytes(path, content)
	case err != nil:
		return err
	case !bytes.Equal(there, content):
		return fmt.Errorf("%s holds another number of pictures, or those of another version, which results beside it are "+
			"of: use another folder, or remove this one", path)
	}
	return nil
}

// Package pairs reads pictures with captions, the input of contrastive
// pretraining. Three forms are understood, told apart by content:
//
//   - a packed pool: one safetensors file with small pictures and their
//     captions, as scripts/packs/make_pool.py writes it (see packed.go);
//   - a table of file paths and captions, separated by tabs or commas, as
//     open_clip's --dataset-type csv takes it (see table.go);
//   - tar archives of NAME.jpg beside NAME.txt, as webdataset and img2dataset
//     make them: one archive, or a folder of them (see tar.go).
//
// Only the index is read on opening; pictures are read one by one when asked
// for, safely from several goroutines at once.
package pairs

import (
	"errors"
	"fmt"
	"image"
	"io"
	"os"

	"clipcalib/internal/data"
	"clipcalib/internal/imageio"
	"clipcalib/internal/regular"
)

// Kind says how a picture came about, which decides how it may be augmented.
type Kind uint8

// The kinds. A OneColour picture is black on white and may be recoloured.
const (
	OneColour Kind = iota
	Coloured
	Emoji
)

// Pairs is an ordered collection of pictures with their captions.
type Pairs interface {
	// Len is the number of pictures, at least 1.
	Len() int
	// Size is the side of the square pictures in pixels.
	Size() int
	// Image writes picture i into dst: Size rows of Size pixels of red, green
	// and blue, so len(dst) must be 3·Size². Errors name the picture.
	Image(i int, dst []byte) error
	// Captions returns the captions of picture i, one at least.
	Captions(i int) ([]string, error)
	// Kind returns the kind of picture i; Coloured where nothing is known.
	Kind(i int) Kind
	// Ignored lists what no picture with a caption was made of.
	Ignored() []data.LeftOut
	// Close releases the files.
	Close() error
}

// Options adjusts Open. The zero value asks for the defaults.
type Options struct {
	// Size is the side pictures are brought to: the shorter side is scaled to
	// it (bicubic) and the middle is cut out. 0 keeps a packed pool's own size
	// and means DefaultSize elsewhere.
	Size int
	// Root is the folder a table's relative paths start from; "" is the
	// table's own.
	Root string
	// PathColumn and CaptionColumn name a table's columns. "" accepts
	// "filepath", "path", "file" or "image", and "title", "caption" or "text".
	PathColumn, CaptionColumn string
}

// DefaultSize is the side of pictures that come in any size.
const DefaultSize = 32

// Bounds on what is believed of a file.
const (
	maxSize    = 1024    // side of a picture
	maxCaption = 1 << 16 // bytes of a caption
)

// Open opens a packed pool, a table, a tar archive or a folder of tar archives.
func Open(path string, opts Options) (Pairs, error) {
	p, err := open(path, opts)
	if err != nil {
		return nil, fmt.Errorf("pairs %s: %w", path, withoutPath(err))
	}
	return p, nil
}

func open(path string, opts Options) (Pairs, error) {
	if opts.Size < 0 || opts.Size > maxSize {
		return nil, fmt.Errorf("picture size %d, want 1 to %d", opts.Size, maxSize)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return openTars(path, opts.sizeOr(DefaultSize))
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("neither a file nor a folder")
	}
	f, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	head := make([]byte, 512)
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	head = head[:n]
	var p Pairs
	switch {
	case n == 0:
		err = errors.New("file is empty")
	case looksPacked(head):
		p, err = openPacked(f, info.Size(), opts.Size)
	case looksTar(head):
		p, err = newTars([]archive{f}, opts.sizeOr(DefaultSize))
	case looksGzip(head):
		err = errors.New("compressed; unpack it with gunzip first, pictures are read at random")
	default:
		if p, err = openTable(f, path, opts); err == nil {
			f.Close()
		}
	}
	return p, err
}

func (o Options) sizeOr(size int) int {
	if o.Size == 0 {
		return size
	}
	return o.Size
}

func looksGzip(head []byte) bool {
	return len(head) > 2 && head[0] == 0x1f && head[1] == 0x8b
}

// withoutPath drops the path an os error repeats.
func withoutPath(err error) error {
	var pathErr *os.PathError
	if errors.As(err, &pathErr) && errors.Unwrap(err) == pathErr.Err {
		return pathErr.Err
	}
	return err
}

// checkIndex answers a number outside 0 ... n-1 with an error.
func checkIndex(i, n int) error {
	if i < 0 || i >= n {
		return fmt.Errorf("picture %d, want 0 to %d", i, n-1)
	}
	return nil
}

func checkRoom(dst []byte, size int) error {
	if len(dst) != 3*size*size {
		return fmt.Errorf("room for %d bytes, want %d for %d x %d pixels", len(dst), 3*size*size, size, size)
	}
	return nil
}

// fit brings a picture to size x size and writes its RGB into dst.
func fit(dst []byte, img *image.NRGBA, size int) error {
	w, h := img.Rect.Dx(), img.Rect.Dy()
	if w != size || h != size {
		toW, toH := size, size
		if w > h {
			toW = max(size*w/h, size)
		} else {
			toH = max(size*h/w, size)
		}
		left, top := (toW-size)/2, (toH-size)/2
		crop := image.Rect(left, top, left+size, top+size)
		var err error
		img, err = imageio.Resize(img, img.Rect, toW, toH, crop, imageio.Bicubic, imageio.CurrentPillow)
		if err != nil {
			return err
		}
	}
	for y := range size {
		row := img.Pix[img.PixOffset(img.Rect.Min.X, img.Rect.Min.Y+y):]
		for x := range size {
			copy(dst[3*(y*size+x):][:3], row[4*x:])
		}
	}
	return nil
}

package imageio

import (
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"strings"
)

// Limits bounds what a picture may ask for before any of it is decoded.
type Limits struct {
	Pixels int   // width times height
	Bytes  int64 // size of the encoded file
}

// DefaultLimits refuses decompression bombs where Pillow does: above twice the
// number of pixels at which it starts to warn.
var DefaultLimits = Limits{Pixels: 2 * 89_478_485, Bytes: 512 << 20}

// Open reads the picture in a file and converts it to RGB. The format is told
// from the content, never from the name. Errors name the file.
func Open(path string) (*image.NRGBA, error) { return DefaultLimits.Open(path) }

// Decode reads an encoded picture and converts it to RGB as Pillow's
// Image.open(...).convert("RGB") does; an EXIF orientation is ignored.
func Decode(data []byte) (*image.NRGBA, error) { return DefaultLimits.Decode(data) }

// Open is [Open] under other limits.
func (l Limits) Open(path string) (*image.NRGBA, error) {
	data, err := l.read(path)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", path, withoutPath(err))
	}
	img, err := l.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", path, err)
	}
	return img, nil
}

func (l Limits) read(path string) ([]byte, error) {
	// Before it is opened: a pipe would wait for its other end.
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info.Size() > l.Bytes {
		return nil, fmt.Errorf("file has %d bytes, more than the limit of %d", info.Size(), l.Bytes)
	}
	data := make([]byte, info.Size())
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, err
	}
	return data, nil
}

// withoutPath drops the path an os error repeats.
func withoutPath(err error) error {
	var pathErr *os.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

// Decode is [Decode] under other limits.
func (l Limits) Decode(data []byte) (img *image.NRGBA, err error) {
	if len(data) == 0 {
		return nil, errors.New("file is empty")
	}
	format := sniff(data)
	if format == nil {
		return nil, fmt.Errorf("not a picture in %s (starts with %q)", formatNames(), data[:min(len(data), 8)])
	}
	config, err := format.size(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", format.name, readable(err))
	}
	if config.Width <= 0 || config.Height <= 0 {
		return nil, fmt.Errorf("%s: picture of %d x %d pixels", format.name, config.Width, config.Height)
	}
	if config.Width > l.Pixels/config.Height {
		return nil, fmt.Errorf("%s: picture of %d x %d pixels exceeds the limit of %d pixels; resize it first",
			format.name, config.Width, config.Height, l.Pixels)
	}
	defer func() {
		// The decoders of other modules are trusted to return errors, but a
		// damaged file must not end a run over thousands.
		if r := recover(); r != nil {
			img, err = nil, fmt.Errorf("%s: damaged file (%v)", format.name, r)
		}
	}()
	img, err = format.decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", format.name, readable(err))
	}
	return img, nil
}

// readable says in plain words what an end of input means; the decoders of
// other modules report it as an error or only in an error's text.
func readable(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || strings.HasSuffix(err.Error(),
		"unexpected EOF") {
		return errors.New("file is truncated")
	}
	return err
}

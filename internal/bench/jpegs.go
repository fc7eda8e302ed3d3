package bench

import (
	"bufio"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"

	"clipcalib/internal/imageio"
	"clipcalib/vit"
)

// The JPEG files that are read: ImageNet's commonest size, with detail that
// makes them about as large as its pictures are.
const (
	jpegCount   = 32
	jpegWidth   = 500
	jpegHeight  = 375
	jpegQuality = 90
)

// JPEGs says what files were read.
type JPEGs struct {
	Files     int    `json:"files"`
	Width     int    `json:"width"`
	Height    int    `json:"height"`
	Quality   int    `json:"quality"`
	MeanBytes int    `json:"mean_bytes"`
	From      string `json:"from"` // where they lay
}

// jpegFiles writes the files, once, into a folder that goes when the meter's
// result is whole.
func (m *meter) jpegFiles() ([]string, error) {
	if m.jpegs.paths != nil {
		return m.jpegs.paths, nil
	}
	dir, err := os.MkdirTemp("", "clipcalib-bench-")
	if err != nil {
		return nil, err
	}
	m.jpegs.dir = dir
	total := int64(0)
	var paths []string
	for i := range jpegCount {
		path := filepath.Join(dir, fmt.Sprintf("%02d.jpg", i))
		size, err := writeJPEG(path, uint64(i))
		if err != nil {
			return nil, err
		}
		total += size
		paths = append(paths, path)
	}
	m.jpegs.paths = paths
	m.jpegs.facts = &JPEGs{Files: jpegCount, Width: jpegWidth, Height: jpegHeight, Quality: jpegQuality,
		MeanBytes: int(total / jpegCount), From: "a temporary folder, by way of the page cache"}
	return paths, nil
}

// jpegSet is the files of a meter.
type jpegSet struct {
	dir   string
	paths []string
	facts *JPEGs
}

func (j *jpegSet) remove() {
	if j.dir != "" {
		os.RemoveAll(j.dir)
	}
}

// writeJPEG writes a made picture: waves of several lengths with grain on them.
func writeJPEG(path string, seed uint64) (int64, error) {
	img := image.NewNRGBA(image.Rect(0, 0, jpegWidth, jpegHeight))
	grain := noise(100+seed, 3*jpegWidth*jpegHeight)
	for y := range jpegHeight {
		for x := range jpegWidth {
			at := 3 * (y*jpegWidth + x)
			var rgb [3]uint8
			for c := range rgb {
				phase := float64(seed) + 2*float64(c)
				v := 128 + 50*math.Sin(float64(x)/37+phase) + 30*math.Cos(float64(y)/11-phase) +
					20*math.Sin(float64(x+y)/3.5) + 12*float64(grain[at+c])
				rgb[c] = uint8(min(max(v, 0), 255))
			}
			img.SetNRGBA(x, y, color.NRGBA{rgb[0], rgb[1], rgb[2], 255})
		}
	}
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	if err := jpeg.Encode(w, img, &jpeg.Options{Quality: jpegQuality}); err != nil {
		return 0, err
	}
	if err := w.Flush(); err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// fromJPEG encodes files: they are read, decoded and preprocessed on all
// processors while the device encodes the batch before.
func (m *meter) fromJPEG(name string, v *vit.Encoder, batch int) error {
	files, err := m.jpegFiles()
	if err != nil {
		return err
	}
	loader := vit.Loader{Preprocessor: v.Preprocessor(), BatchSize: batch, Strict: true}
	open := func(i int) (image.Image, error) { return imageio.Open(files[i%len(files)]) }
	t, err := m.measure(func(n int) error {
		for _, err := range v.EncodeBatches(m.ctx, loader.Batches(m.ctx, n*batch, open)) {
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	w := imageWork(v.Config(), batch)
	m.add(Figure{What: "image encoding, from JPEG files", Model: name, Batch: batch, Unit: "images/s"}, t, batch,
		w.flop(),
		m.bytes(w))
	return nil
}

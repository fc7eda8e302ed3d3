package logitfile

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"clipcalib/calib"
	"clipcalib/internal/npy"
	"clipcalib/weights"
)

// part reads elements in row-major order.
type part interface {
	Float64Part(dst []float64, from int) error
}

// partRows are rows of a matrix that is read in parts.
type partRows struct {
	part
	n, k int
}

func (r partRows) Shape() (n, k int) { return r.n, r.k }

func (r partRows) ReadRows(dst []float64, from int) error {
	return r.Float64Part(dst, from*r.k)
}

func openNPY(f *os.File, size int64) (contents, error) {
	a, err := npyArray("array", f, size, func() (io.ReadCloser, error) {
		return io.NopCloser(io.NewSectionReader(f, 0, size)), nil
	})
	return contents{arrays: []array{a}}, err
}

// npyArray reads by parts where the source allows it, and otherwise whole.
func npyArray(name string, src io.ReaderAt, size int64, whole func() (io.ReadCloser, error)) (array, error) {
	if src != nil {
		r, err := npy.NewReader(src, size)
		if err == nil {
			return array{name: name, shape: r.Shape, truth: r.Truth(),
				rows: func() (calib.Rows, error) { return partRows{r, r.Shape[0], r.Shape[1]}, nil },
				ints: func() ([]int, error) { return npyInts(whole) },
			}, nil
		}
		if !errors.Is(err, npy.ErrFortran) {
			return array{}, err
		}
	}
	a, err := readWhole(whole)
	if err != nil {
		return array{}, err
	}
	return array{name: name, shape: a.Shape, truth: a.Truth(),
		rows: func() (calib.Rows, error) {
			return calib.Matrix{N: a.Shape[0], K: a.Shape[1], Data: a.Float64s()}, nil
		},
		ints: a.Ints,
	}, nil
}

func npyInts(whole func() (io.ReadCloser, error)) ([]int, error) {
	a, err := readWhole(whole)
	if err != nil {
		return nil, err
	}
	return a.Ints()
}

func readWhole(open func() (io.ReadCloser, error)) (*npy.Array, error) {
	r, err := open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return npy.Read(r)
}

// mostUnpacked bounds what a compressed array may unpack to.
const mostUnpacked = 1 << 35

// openNPZ reads NumPy's archive: stored arrays by parts, compressed ones whole.
func openNPZ(f *os.File, size int64) (contents, error) {
	z, err := zip.NewReader(f, size)
	if err != nil {
		return contents{}, fmt.Errorf("npz: %w", err)
	}
	var c contents
	for _, e := range z.File {
		name, isArray := strings.CutSuffix(e.Name, ".npy")
		if !isArray {
			continue
		}
		if e.UncompressedSize64 > mostUnpacked {
			return contents{}, fmt.Errorf("npz: %s says it unpacks to %d bytes; at most %d are read", e.Name,
				e.UncompressedSize64, int64(mostUnpacked))
		}
		var src io.ReaderAt
		if e.Method == zip.Store {
			at, err := e.DataOffset()
			if err != nil {
				return contents{}, fmt.Errorf("npz: %s: %w", e.Name, err)
			}
			src = io.NewSectionReader(f, at, int64(e.UncompressedSize64))
		}
		a, err := npyArray(name, src, int64(e.UncompressedSize64), e.Open)
		if err != nil {
			return contents{}, fmt.Errorf("npz: %s: %w", e.Name, err)
		}
		c.arrays = append(c.arrays, a)
	}
	if len(c.arrays) == 0 {
		return contents{}, errors.New("npz: no arrays in the archive")
	}
	return c, nil
}

// openTensors reads PyTorch files and safetensors.
func openTensors(path string) (contents, error) {
	f, err := weights.Open(path)
	if err != nil {
		if list, listErr := torchList(path); listErr == nil {
			a := array{name: "list", shape: []int{len(list)}, ints: func() ([]int, error) { return list, nil }}
			return contents{arrays: []array{a}}, nil
		}
		return contents{}, fmt.Errorf("%s: %w", path, errors.Unwrap(err))
	}
	c := contents{close: f.Close}
	for _, name := range f.Names() {
		t, _ := f.Lookup(name)
		c.arrays = append(c.arrays, array{name: name, shape: t.Shape, truth: t.DType == weights.Bool,
			rows: func() (calib.Rows, error) { return tensorRows(t) },
			ints: func() ([]int, error) { return tensorInts(t) },
		})
	}
	return c, nil
}

func tensorRows(t *weights.Tensor) (calib.Rows, error) {
	if t.Direct() {
		return partRows{t, t.Shape[0], t.Shape[1]}, nil
	}
	data, err := t.Float64()
	return calib.Matrix{N: t.Shape[0], K: t.Shape[1], Data: data}, err
}

func tensorInts(t *weights.Tensor) ([]int, error) {
	if t.DType.Float() {
		values, err := t.Float64()
		if err != nil {
			return nil, err
		}
		return wholeNumbers(values)
	}
	wide, err := t.Int64()
	out := make([]int, len(wide))
	for i, v := range wide {
		out[i] = int(v)
	}
	return out, err
}

// wholeNumbers takes floats for labels where they are whole.
func wholeNumbers(values []float64) ([]int, error) {
	out := make([]int, len(values))
	for i, v := range values {
		out[i] = int(v)
		if float64(out[i]) != v || v > 1<<53 || v < -(1<<53) {
			return nil, fmt.Errorf("label %d is %v, not a whole number", i, v)
		}
	}
	return out, nil
}

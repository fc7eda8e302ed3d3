package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
)

// Reader reads parts of an array in C order without holding it. It may be used
// concurrently.
type Reader struct {
	Array // Shape and Descr; no elements

	src    io.ReaderAt
	offset int64 // of the first element
	bufs   sync.Pool
}

// ErrFortran is returned for an array whose parts do not lie together; [Read]
// takes it.
var ErrFortran = errors.New("npy: Fortran element order")

// NewReader reads the header of an array that fills src, of size bytes.
func NewReader(src io.ReaderAt, size int64) (*Reader, error) {
	text, used, err := readHeader(io.NewSectionReader(src, 0, size))
	if err != nil {
		return nil, err
	}
	h, err := parseHeader(text)
	if err != nil {
		return nil, fmt.Errorf("npy header: %w", err)
	}
	r := &Reader{src: src, offset: used}
	r.Shape, r.Descr = h.shape, h.descr
	if err := r.setType(h.descr); err != nil {
		return nil, err
	}
	n, err := byteCount(h.shape, r.size)
	if err != nil {
		return nil, err
	}
	if size-used != n {
		return nil, fmt.Errorf("npy: shape %v of %s needs %d bytes, the file has %d", h.shape, h.descr, n, size-used)
	}
	if h.fortran && len(h.shape) > 1 {
		return nil, ErrFortran
	}
	return r, nil
}

// Float64Part reads the elements from the given one on.
func (r *Reader) Float64Part(dst []float64, from int) error {
	raw := r.buffer(len(dst) * r.size)
	defer r.bufs.Put(raw)
	n, err := r.src.ReadAt(*raw, r.offset+int64(from)*int64(r.size))
	if n < len(*raw) {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("npy: element %d: %w", from+n/r.size, err)
	}
	part := Array{kind: r.kind, size: r.size, order: r.order, raw: *raw}
	part.widen(dst)
	return nil
}

func (r *Reader) buffer(n int) *[]byte {
	if b, ok := r.bufs.Get().(*[]byte); ok && cap(*b) >= n {
		*b = (*b)[:n]
		return b
	}
	b := make([]byte, n)
	return &b
}

// widen converts all elements; the common types have loops of their own.
func (a *Array) widen(dst []float64) {
	little := a.order == binary.ByteOrder(binary.LittleEndian)
	switch {
	case a.kind == 'f' && a.size == 4 && little:
		for i := range dst {
			dst[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(a.raw[i*4:])))
		}
	case a.kind == 'f' && a.size == 8 && little:
		for i := range dst {
			dst[i] = math.Float64frombits(binary.LittleEndian.Uint64(a.raw[i*8:]))
		}
	default:
		for i := range dst {
			dst[i] = a.float(i)
		}
	}
}

// Package npy reads and writes NumPy's .npy files: format versions 1 to 3,
// floats of 16, 32 and 64 bits, integers and booleans, either byte order, C and
// Fortran element order. Files are not trusted: sizes are checked against the
// bytes that are there before memory is taken.
package npy

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"clipcalib/internal/regular"
)

// Array is an array as read: its elements in C order, still encoded as in the
// file.
type Array struct {
	Shape []int
	Descr string // NumPy's name of the element type, such as "<f4"

	kind  byte // 'f', 'i', 'u' or 'b'
	size  int  // bytes of an element
	order binary.ByteOrder
	raw   []byte
}

// Truth says that the elements are true or false.
func (a *Array) Truth() bool { return a.kind == 'b' }

// Len returns the number of elements.
func (a *Array) Len() int { return len(a.raw) / a.size }

// ReadFile reads the array of an .npy file, which must hold nothing else.
func ReadFile(path string) (*Array, error) {
	f, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size := int64(-1)
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		size = info.Size()
	}
	a, err := read(bufio.NewReaderSize(f, 1<<16), size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return a, nil
}

// Read reads an array from r, to whose end it must extend.
func Read(r io.Reader) (*Array, error) {
	return read(r, -1)
}

// read takes the number of bytes r holds, or -1 when that is not known.
func read(r io.Reader, total int64) (*Array, error) {
	text, used, err := readHeader(r)
	if err != nil {
		return nil, err
	}
	h, err := parseHeader(text)
	if err != nil {
		return nil, fmt.Errorf("npy header: %w", err)
	}
	a := &Array{Shape: h.shape, Descr: h.descr}
	if err := a.setType(h.descr); err != nil {
		return nil, err
	}
	n, err := byteCount(h.shape, a.size)
	if err != nil {
		return nil, err
	}
	if total >= 0 && total-used != n {
		return nil, fmt.Errorf("npy: shape %v of %s needs %d bytes, the file has %d", h.shape, h.descr, n, total-used)
	}
	if a.raw, err = readExactly(r, n, total >= 0); err != nil {
		return nil, err
	}
	if h.fortran {
		a.raw = toCOrder(a.raw, a.Shape, a.size)
	}
	return a, nil
}

// setType interprets a type string such as "<f4" or "|u1".
func (a *Array) setType(descr string) error {
	sizes := map[byte]string{'f': "248", 'i': "1248", 'u': "1248", 'b': "1"}
	if len(descr) == 3 {
		a.kind, a.size = descr[1], int(descr[2]-'0')
		ordered := descr[0] == '<' || descr[0] == '>' || (descr[0] == '|' && a.size == 1)
		if ordered && bytes.IndexByte([]byte(sizes[a.kind]), descr[2]) >= 0 {
			a.order = binary.LittleEndian
			if descr[0] == '>' {
				a.order = binary.BigEndian
			}
			return nil
		}
	}
	return fmt.Errorf("npy: element type %q is not supported; save floats or integers, as with array.astype('float32')",
		descr)
}

// byteCount multiplies without overflow. As with NumPy, a shape that would be
// too large but for a zero in it is too large.
func byteCount(shape []int, size int) (int64, error) {
	n, empty := int64(size), false
	for _, d := range shape {
		if d == 0 {
			empty = true
			continue
		}
		if d < 0 || n > math.MaxInt/2/int64(d) {
			return 0, fmt.Errorf("npy: shape %v is too large", shape)
		}
		n *= int64(d)
	}
	if empty {
		return 0, nil
	}
	return n, nil
}

// readExactly reads the n bytes that r must end with. Unless the count is
// vouched for, memory grows only as bytes arrive.
func readExactly(r io.Reader, n int64, vouched bool) (raw []byte, err error) {
	var got int64
	if vouched {
		raw = make([]byte, n)
		var read int
		read, err = io.ReadFull(r, raw)
		got = int64(read)
	} else {
		var buf bytes.Buffer
		got, err = io.CopyN(&buf, r, n)
		raw = buf.Bytes()
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil, fmt.Errorf("npy: cut short after %d of %d bytes of elements", got, n)
	}
	if err != nil {
		return nil, err
	}
	switch _, err := io.ReadFull(r, make([]byte, 1)); err {
	case io.EOF:
		return raw, nil
	case nil:
		return nil, fmt.Errorf("npy: more bytes than the shape accounts for (%d)", n)
	default:
		return nil, err
	}
}

// toCOrder reorders elements from first-index-fastest to last-index-fastest.
func toCOrder(raw []byte, shape []int, size int) []byte {
	out := make([]byte, 0, len(raw))
	index := make([]int, len(shape))
	for len(out) < len(raw) {
		at, stride := 0, size
		for d, i := range index {
			at += i * stride
			stride *= shape[d]
		}
		out = append(out, raw[at:at+size]...)
		for d := len(shape) - 1; d >= 0; d-- {
			if index[d]++; index[d] < shape[d] {
				break
			}
			index[d] = 0
		}
	}
	return out
}

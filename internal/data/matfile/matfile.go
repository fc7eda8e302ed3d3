// Package matfile reads the arrays of MATLAB's files of version 5 that data sets
// are published with: numbers, text, cells and structs.
package matfile

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"unicode/utf16"

	"clipcalib/internal/regular"
)

// Bounds on one file: the largest in use unpacks to a few megabytes.
const (
	maxFile   = 64 << 20
	maxBytes  = 256 << 20 // unpacked
	maxArrays = 4 << 20   // nested ones included
	maxDepth  = 8
)

// Array is a value. Its elements are in MATLAB's order, columns first.
type Array struct {
	Name    string
	Dims    []int
	Numbers []float64 // of a numeric array
	Text    string    // of a char array
	// Cells are those of a cell array, or the values of a struct array: all fields
	// of its first element, then those of the next.
	Cells  []*Array
	Fields []string // of a struct array
}

// Len is the number of elements.
func (a *Array) Len() int {
	n := 1
	for _, d := range a.Dims {
		n *= d
	}
	return n
}

// Field is a field of element i of a struct array, nil without it.
func (a *Array) Field(i int, name string) *Array {
	k := slices.Index(a.Fields, name)
	if at := i*len(a.Fields) + k; k >= 0 && i >= 0 && at < len(a.Cells) {
		return a.Cells[at]
	}
	return nil
}

// Read reads the arrays of a file, by name. Errors name the file.
func Read(path string) (map[string]*Array, error) {
	f, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(raw) > maxFile {
		err = fmt.Errorf("larger than %d bytes", maxFile)
	}
	var out map[string]*Array
	if err == nil {
		out, err = parse(raw)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return out, nil
}

var errCut = errors.New("the file is cut short")

func parse(raw []byte) (map[string]*Array, error) {
	const header = 128
	if len(raw) < header {
		return nil, errors.New("no MATLAB file of version 5")
	}
	r := &reader{}
	switch string(raw[126:128]) {
	case "IM":
		r.order = binary.LittleEndian
	case "MI":
		r.order = binary.BigEndian
	default:
		return nil, errors.New("no MATLAB file of version 5 (save it with -v7 or older)")
	}
	out := map[string]*Array{}
	for rest := raw[header:]; len(rest) > 0; {
		kind, data, after, err := r.element(rest)
		if err != nil {
			return nil, err
		}
		rest = after
		if kind == miCompressed {
			if kind, data, err = r.unpack(data); err != nil {
				return nil, err
			}
		}
		if kind != miMatrix {
			continue
		}
		a, err := r.matrix(data, 0)
		if err != nil {
			return nil, err
		}
		out[a.Name] = a
	}
	return out, nil
}

// The types of elements.
const (
	miInt8       = 1
	miUint8      = 2
	miInt16      = 3
	miUint16     = 4
	miInt32      = 5
	miUint32     = 6
	miSingle     = 7
	miDouble     = 9
	miInt64      = 12
	miUint64     = 13
	miMatrix     = 14
	miCompressed = 15
	miUTF8       = 16
)

type reader struct {
	order    binary.ByteOrder
	unpacked int
	arrays   int
}

// element cuts the first element off data.
func (r *reader) element(data []byte) (kind uint32, content, rest []byte, err error) {
	if len(data) < 8 {
		return 0, nil, nil, errCut
	}
	kind = r.order.Uint32(data)
	if small := kind >> 16; small != 0 { // length and content within 8 bytes
		if small > 4 {
			return 0, nil, nil, fmt.Errorf("a short element of %d bytes", small)
		}
		return kind & 0xffff, data[4 : 4+small], data[8:], nil
	}
	n := int64(r.order.Uint32(data[4:]))
	if n > int64(len(data)-8) {
		return 0, nil, nil, errCut
	}
	content, rest = data[8:8+n], data[8+n:]
	if pad := int(-n & 7); kind != miCompressed && n > 0 {
		rest = rest[min(pad, len(rest)):]
	}
	return kind, content, rest, nil
}

func (r *reader) unpack(data []byte) (kind uint32, content []byte, err error) {
	z, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return 0, nil, err
	}
	defer z.Close()
	left := int64(maxBytes - r.unpacked)
	raw, err := io.ReadAll(io.LimitReader(z, left+1))
	if err != nil {
		return 0, nil, err
	}
	if int64(len(raw)) > left {
		return 0, nil, fmt.Errorf("unpacks to more than %d bytes", maxBytes)
	}
	r.unpacked += len(raw)
	kind, content, _, err = r.element(raw)
	return kind, content, err
}

// The classes of arrays that are read.
const (
	mxCell   = 1
	mxStruct = 2
	mxChar   = 4
	mxDouble = 6
	mxUint64 = 15
)

func (r *reader) matrix(data []byte, depth int) (*Array, error) {
	if r.arrays++; r.arrays > maxArrays || depth > maxDepth {
		return nil, fmt.Errorf("more than %d arrays, or nested more than %d deep", maxArrays, maxDepth)
	}
	a := &Array{}
	if len(data) == 0 {
		a.Dims = []int{0, 0}
		return a, nil
	}
	var parts [3][]byte // flags, dimensions, name
	for i := range parts {
		var err error
		if _, parts[i], data, err = r.element(data); err != nil {
			return nil, err
		}
	}
	if len(parts[0]) < 4 || len(parts[1])%4 != 0 {
		return nil, errors.New("an array without class or dimensions")
	}
	a.Name = string(parts[2])
	n := 1
	for d := parts[1]; len(d) > 0; d = d[4:] {
		k := int(int32(r.order.Uint32(d)))
		if k < 0 || k > maxBytes || n*max(k, 1) > maxBytes {
			return nil, fmt.Errorf("array %q: dimension %d", a.Name, k)
		}
		n *= k
		a.Dims = append(a.Dims, k)
	}
	err := r.fill(a, r.order.Uint32(parts[0])&0xff, n, data, depth)
	return a, err
}

// fill reads the n elements of an array of a class.
func (r *reader) fill(a *Array, class uint32, n int, data []byte, depth int) error {
	switch {
	case class == mxCell:
		return r.cells(a, n, data, depth)
	case class == mxStruct:
		_, width, rest, err := r.element(data)
		if err != nil || len(width) < 4 {
			return errors.Join(err, errors.New("a struct without names of fields"))
		}
		_, names, rest, err := r.element(rest)
		w := int(r.order.Uint32(width))
		if err != nil || w < 1 || len(names)%w != 0 {
			return errors.Join(err, errors.New("a struct without names of fields"))
		}
		for ; len(names) > 0; names = names[w:] {
			name, _, _ := bytes.Cut(names[:w], []byte{0})
			a.Fields = append(a.Fields, string(name))
		}
		return r.cells(a, n*len(a.Fields), rest, depth)
	case class == mxChar || class >= mxDouble && class <= mxUint64:
		kind, content, _, err := r.element(data)
		if err != nil {
			return err
		}
		if class == mxChar {
			a.Text, err = r.text(kind, content)
			return err
		}
		if a.Numbers, err = r.numbers(kind, content); err == nil && len(a.Numbers) != n {
			err = fmt.Errorf("array %q: %d numbers for %d elements", a.Name, len(a.Numbers), n)
		}
		return err
	}
	return fmt.Errorf("array %q is of class %d, which is not read", a.Name, class)
}

func (r *reader) cells(a *Array, n int, data []byte, depth int) error {
	for range n {
		kind, content, rest, err := r.element(data)
		if err != nil {
			return err
		}
		if kind != miMatrix {
			return fmt.Errorf("array %q: a cell of type %d", a.Name, kind)
		}
		cell, err := r.matrix(content, depth+1)
		if err != nil {
			return err
		}
		a.Cells, data = append(a.Cells, cell), rest
	}
	return nil
}

func (r *reader) text(kind uint32, content []byte) (string, error) {
	switch kind {
	case miUTF8, miInt8, miUint8:
		return string(content), nil
	case miUint16:
		var units []uint16
		for ; len(content) > 1; content = content[2:] {
			units = append(units, r.order.Uint16(content))
		}
		return string(utf16.Decode(units)), nil
	}
	return "", fmt.Errorf("text of type %d, which is not read", kind)
}

// numbers widens numbers as they are stored.
func (r *reader) numbers(kind uint32, content []byte) (out []float64, err error) {
	one := map[uint32]struct {
		size int
		read func(b []byte) float64
	}{
		miInt8: {1, func(b []byte) float64 { return float64(int8(b[0])) }}, miUint8: {1, func(b []byte) float64 {
			return float64(b[0])
		}},
		miInt16:  {2, func(b []byte) float64 { return float64(int16(r.order.Uint16(b))) }},
		miUint16: {2, func(b []byte) float64 { return float64(r.order.Uint16(b)) }},
		miInt32:  {4, func(b []byte) float64 { return float64(int32(r.order.Uint32(b))) }},
		miUint32: {4, func(b []byte) float64 { return float64(r.order.Uint32(b)) }},
		miSingle: {4, func(b []byte) float64 { return float64(math.Float32frombits(r.order.Uint32(b))) }},
		miDouble: {8, func(b []byte) float64 { return math.Float64frombits(r.order.Uint64(b)) }},
		miInt64:  {8, func(b []byte) float64 { return float64(int64(r.order.Uint64(b))) }},
		miUint64: {8, func(b []byte) float64 { return float64(r.order.Uint64(b)) }},
	}[kind]
	if one.size == 0 {
		return nil, fmt.Errorf("numbers of type %d, which is not read", kind)
	}
	for ; len(content) >= one.size; content = content[one.size:] {
		out = append(out, one.read(content))
	}
	return out, nil
}

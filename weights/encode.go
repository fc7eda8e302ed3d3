package weights

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"clipcalib/internal/picklescan"
)

// NamedTensor is a tensor to be written. Floating-point types are given in
// Data and rounded to nearest, ties to even; integer types and Bool are given
// in Ints.
type NamedTensor struct {
	Name  string
	Shape []int // empty for a scalar
	DType DType // type in the file; zero stands for F32
	Data  []float32
	Ints  []int64
}

// record is a tensor on its way into a file. Its bytes are produced when its
// turn comes, so that converting a checkpoint needs memory for one tensor.
type record struct {
	name  string
	shape []int
	dtype DType
	write func(io.Writer) error // row-major little-endian elements
}

func (r record) len() int {
	n := 1
	for _, d := range r.shape {
		n *= d
	}
	return n
}

func (r record) bytes() int64 { return int64(r.len()) * int64(r.dtype.Size()) }

// records checks tensors for writing.
func records(tensors []NamedTensor) ([]record, error) {
	out := make([]record, len(tensors))
	for i, t := range tensors {
		if t.DType == 0 {
			t.DType = F32
		}
		r := record{name: t.Name, shape: t.Shape, dtype: t.DType}
		have := len(t.Data)
		if !t.DType.Float() {
			have = len(t.Ints)
		}
		if !t.DType.valid() || have != r.len() {
			return nil, fmt.Errorf("tensor %s: %d values of %s do not fill shape %s", t.Name, have, t.DType,
				shapeString(t.Shape))
		}
		r.write = func(w io.Writer) error {
			if t.DType.Float() {
				return encodeFloats(w, t.Data, t.DType)
			}
			return encodeInts(w, t.Ints, t.DType)
		}
		out[i] = r
	}
	return out, checkNames(out)
}

func checkNames(rs []record) error {
	if len(rs) == 0 {
		return errors.New("no tensors to write")
	}
	seen := make(map[string]bool, len(rs))
	for _, r := range rs {
		if r.name == "" || r.name == "__metadata__" || len(r.name) > picklescan.MaxLine {
			return fmt.Errorf("tensor name %.40q cannot be written", r.name)
		}
		if seen[r.name] {
			return fmt.Errorf("tensor %s is given twice", r.name)
		}
		seen[r.name] = true
		for _, d := range r.shape {
			if d < 0 {
				return fmt.Errorf("tensor %s: negative size in shape %v", r.name, r.shape)
			}
		}
	}
	return nil
}

// encodeChunk is the number of elements encoded at a time.
const encodeChunk = 1 << 15

func encodeFloats(w io.Writer, data []float32, d DType) error {
	if d == F32 && littleEndian {
		_, err := w.Write(floatBytes(data))
		return err
	}
	buf := make([]byte, 0, encodeChunk*d.Size())
	for len(data) > 0 {
		n := min(len(data), encodeChunk)
		if _, err := w.Write(appendFloats(buf, data[:n], d)); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

func appendFloats(buf []byte, data []float32, d DType) []byte {
	le := binary.LittleEndian
	switch d {
	case F32:
		for _, x := range data {
			buf = le.AppendUint32(buf, math.Float32bits(x))
		}
	case F16:
		for _, x := range data {
			buf = le.AppendUint16(buf, floatToHalf(x))
		}
	case BF16:
		for _, x := range data {
			buf = le.AppendUint16(buf, floatToBrain(x))
		}
	case F64:
		for _, x := range data {
			buf = le.AppendUint64(buf, math.Float64bits(float64(x)))
		}
	}
	return buf
}

func encodeInts(w io.Writer, data []int64, d DType) error {
	buf := make([]byte, 0, encodeChunk*d.Size())
	for len(data) > 0 {
		n := min(len(data), encodeChunk)
		out := buf
		for _, x := range data[:n] {
			switch d.Size() {
			case 1:
				out = append(out, byte(x))
			case 2:
				out = binary.LittleEndian.AppendUint16(out, uint16(x))
			case 4:
				out = binary.LittleEndian.AppendUint32(out, uint32(x))
			default:
				out = binary.LittleEndian.AppendUint64(out, uint64(x))
			}
		}
		if _, err := w.Write(out); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

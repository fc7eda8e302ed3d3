package npy

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"clipcalib/internal/atomicfile"
)

// Element is a type that can be written.
type Element interface {
	float32 | float64 | int64
}

// WriteFile writes values of the given shape, in C order, as an .npy file of
// version 1.0. The file appears under its name only when it is whole.
func WriteFile[T Element](path string, values []T, shape ...int) error {
	return atomicfile.Write(path, func(w io.Writer) error {
		return Write(w, values, shape...)
	})
}

// Write is [WriteFile] to a writer.
func Write[T Element](w io.Writer, values []T, shape ...int) error {
	var zero T
	size := binary.Size(zero)
	n, err := byteCount(shape, size)
	if err != nil {
		return err
	}
	if n != int64(len(values))*int64(size) {
		return fmt.Errorf("npy: %d values do not fill shape %v", len(values), shape)
	}
	if err := writeHeader(w, descrOf[T](), shape...); err != nil {
		return err
	}
	// In pieces, so that a large matrix is not held twice.
	const piece = 1 << 14
	for start := 0; start < len(values); start += piece {
		if err := binary.Write(w, binary.LittleEndian, values[start:min(start+piece, len(values))]); err != nil {
			return err
		}
	}
	return nil
}

// writeHeader writes what comes before the elements.
func writeHeader(w io.Writer, descr string, shape ...int) error {
	dims := make([]string, len(shape))
	for i, d := range shape {
		dims[i] = fmt.Sprint(d)
	}
	tuple := "(" + strings.Join(dims, ", ") + ")"
	if len(shape) == 1 {
		tuple = "(" + dims[0] + ",)"
	}
	dict := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, tuple)
	// The header is padded so that the elements start on a multiple of 64,
	// and ends in a newline.
	const before = len(magic) + 4
	padding := 63 - (before+len(dict))%64
	dict += strings.Repeat(" ", padding) + "\n"
	head := append([]byte(magic), 1, 0)
	head = binary.LittleEndian.AppendUint16(head, uint16(len(dict)))
	_, err := w.Write(append(head, dict...))
	return err
}

func descrOf[T Element]() string {
	var zero T
	switch any(zero).(type) {
	case float32:
		return "<f4"
	case float64:
		return "<f8"
	default:
		return "<i8"
	}
}

// WriteRows writes a matrix of float32 that read fills in piece by piece, from
// the given row on.
func WriteRows(path string, rows, columns int, read func(dst []float32, from int) error) error {
	return atomicfile.Write(path, func(w io.Writer) error {
		if err := writeHeader(w, descrOf[float32](), rows, columns); err != nil {
			return err
		}
		step := max(1, (1<<15)/max(1, columns))
		buf := make([]float32, min(step, rows)*columns)
		for from := 0; from < rows; from += step {
			block := buf[:min(step, rows-from)*columns]
			if err := read(block, from); err != nil {
				return err
			}
			if err := binary.Write(w, binary.LittleEndian, block); err != nil {
				return err
			}
		}
		return nil
	})
}

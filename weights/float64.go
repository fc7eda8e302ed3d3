package weights

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Float64 reads the tensor in row-major order without loss, integers beyond
// 2^53 excepted.
func (t *Tensor) Float64() ([]float64, error) {
	dst := make([]float64, t.Len())
	err := t.read(func(raw []byte, at int) {
		toFloat64(dst[at:at+len(raw)/t.DType.Size()], raw, t.DType)
	})
	return dst, err
}

// Direct reports whether [Tensor.Float64Part] can read the tensor's parts from
// the file as they lie there: it is contiguous and not compressed.
func (t *Tensor) Direct() bool {
	_, packed := t.view.storage.data.(*deflated)
	return !packed && t.view.contiguous()
}

// Float64Part reads the elements from the given one on, in row-major order. It
// wants a tensor that is [Tensor.Direct].
func (t *Tensor) Float64Part(dst []float64, from int) error {
	if !t.Direct() || from < 0 || from+len(dst) > t.Len() {
		return fmt.Errorf("tensor %s: %d elements from %d of %d cannot be read apart", t.Name, len(dst), from, t.Len())
	}
	if len(dst) == 0 {
		return nil
	}
	err := guard("read", func() error {
		size := int64(t.DType.Size())
		raw, err := t.view.storage.data.bytes((t.view.offset+int64(from))*size, int64(len(dst))*size)
		if err == nil {
			toFloat64(dst, raw, t.DType)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("tensor %s: %w", t.Name, err)
	}
	return nil
}

func toFloat64(dst []float64, raw []byte, d DType) {
	le := binary.LittleEndian
	switch d {
	case F64:
		for i := range dst {
			dst[i] = math.Float64frombits(le.Uint64(raw[i*8:]))
		}
		return
	case F32:
		for i := range dst {
			dst[i] = float64(math.Float32frombits(le.Uint32(raw[i*4:])))
		}
		return
	}
	if d.Float() {
		narrow := make([]float32, len(dst))
		widen(narrow, raw, d)
		for i, v := range narrow {
			dst[i] = float64(v)
		}
		return
	}
	whole := make([]int64, len(dst))
	toInt64(whole, raw, d)
	for i, v := range whole {
		dst[i] = float64(v)
	}
}

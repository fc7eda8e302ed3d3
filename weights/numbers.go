package weights

import (
	"encoding/binary"
	"math"
	"sync"
	"unsafe"
)

// parallelFrom is the element count from which two goroutines share the work.
const parallelFrom = 1 << 18

// littleEndian reports whether a float32 in memory has the bytes of the file.
var littleEndian = func() bool {
	x := uint16(1)
	return *(*byte)(unsafe.Pointer(&x)) == 1
}()

// toFloat32 widens len(dst) little-endian elements of type d and returns the
// index of the first that is not finite, or -1. raw must hold exactly that many.
func toFloat32(dst []float32, raw []byte, d DType) int {
	if len(dst) < parallelFrom {
		return widenAndCheck(dst, raw, d)
	}
	half := len(dst) / 2
	cut := half * d.Size()
	var wg sync.WaitGroup
	wg.Add(1)
	var fault error
	first := -1
	go func() {
		defer wg.Done()
		fault = guard("read", func() error { first = widenAndCheck(dst[:half], raw[:cut], d); return nil })
	}()
	second := widenAndCheck(dst[half:], raw[cut:], d)
	wg.Wait()
	if fault != nil {
		panic(fault) // caught by the guard around every read
	}
	if first < 0 && second >= 0 {
		return half + second
	}
	return first
}

// widenAndCheck looks at the numbers while they are in the nearest cache.
func widenAndCheck(dst []float32, raw []byte, d DType) int {
	const block = 1 << 12
	bad := -1
	for at := 0; at < len(dst); at += block {
		part := dst[at:min(at+block, len(dst))]
		widen(part, raw[at*d.Size():(at+len(part))*d.Size()], d)
		if bad < 0 {
			if i := notFinite(part); i >= 0 {
				bad = at + i
			}
		}
	}
	return bad
}

func widen(dst []float32, raw []byte, d DType) {
	le := binary.LittleEndian
	switch d {
	case F32:
		if littleEndian {
			copy(floatBytes(dst), raw)
			return
		}
		for i := range dst {
			dst[i] = math.Float32frombits(le.Uint32(raw[i*4:]))
		}
	case F16:
		widenHalf(dst, raw)
	case BF16:
		widenBrain(dst, raw)
	case F64:
		for i := range dst {
			dst[i] = float32(math.Float64frombits(le.Uint64(raw[i*8:])))
		}
	case U64:
		for i := range dst {
			dst[i] = float32(le.Uint64(raw[i*8:]))
		}
	default:
		for i := range dst {
			dst[i] = float32(intAt(raw, i, d))
		}
	}
}

// floatBytes views float32 numbers as the bytes they are in memory.
func floatBytes(data []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(data))), len(data)*4)
}

// widenHalf takes four elements from each 8-byte load.
func widenHalf(dst []float32, raw []byte) {
	for len(dst) >= 4 && len(raw) >= 8 {
		x := binary.LittleEndian.Uint64(raw)
		dst[0] = halfTable[uint16(x)]
		dst[1] = halfTable[uint16(x>>16)]
		dst[2] = halfTable[uint16(x>>32)]
		dst[3] = halfTable[uint16(x>>48)]
		dst, raw = dst[4:], raw[8:]
	}
	for i := range dst {
		dst[i] = halfTable[binary.LittleEndian.Uint16(raw[i*2:])]
	}
}

func widenBrain(dst []float32, raw []byte) {
	for len(dst) >= 4 && len(raw) >= 8 {
		x := binary.LittleEndian.Uint64(raw)
		dst[0] = math.Float32frombits(uint32(x) << 16)
		dst[1] = math.Float32frombits(uint32(x) & 0xffff0000)
		dst[2] = math.Float32frombits(uint32(x>>32) << 16)
		dst[3] = math.Float32frombits(uint32(x>>32) & 0xffff0000)
		dst, raw = dst[4:], raw[8:]
	}
	for i := range dst {
		dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(raw[i*2:])) << 16)
	}
}

func toInt64(dst []int64, raw []byte, d DType) {
	for i := range dst {
		dst[i] = intAt(raw, i, d)
	}
}

// intAt decodes the i-th element of an integer or bool type. Values of uint64
// above the range of int64 wrap.
func intAt(raw []byte, i int, d DType) int64 {
	le := binary.LittleEndian
	switch d {
	case I8:
		return int64(int8(raw[i]))
	case U8:
		return int64(raw[i])
	case Bool:
		if raw[i] != 0 {
			return 1
		}
		return 0
	case I16:
		return int64(int16(le.Uint16(raw[i*2:])))
	case U16:
		return int64(le.Uint16(raw[i*2:]))
	case I32:
		return int64(int32(le.Uint32(raw[i*4:])))
	case U32:
		return int64(le.Uint32(raw[i*4:]))
	default:
		return int64(le.Uint64(raw[i*8:]))
	}
}

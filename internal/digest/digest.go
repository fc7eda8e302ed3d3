// Package digest feeds numbers to a hash.
package digest

import (
	"encoding/binary"
	"hash"
	"math"
)

// Floats adds values to a hash, little-endian and one after the other. A slice
// in parts is the same as a whole one: say its length where that matters.
func Floats(h hash.Hash, values []float32) {
	buf := make([]byte, 0, 1<<16)
	for i, v := range values {
		buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
		if len(buf) == cap(buf) || i == len(values)-1 {
			h.Write(buf)
			buf = buf[:0]
		}
	}
}

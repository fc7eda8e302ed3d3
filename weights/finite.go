package weights

import (
	"encoding/binary"
	"math"
)

// notFinite returns the index of the first NaN or infinity of x, -1 if there
// is none. Adding one to the exponent of such a number carries into its sign
// bit; two numbers are tried in one step.
func notFinite(x []float32) int {
	const magnitude, one, carry = 0x7fffffff7fffffff, 0x0080000000800000, 0x8000000080000000
	const block = 1 << 12
	for at := 0; at < len(x); at += block {
		part := x[at:min(at+block, len(x))]
		raw := floatBytes(part)
		var a, b uint64
		for len(raw) >= 16 {
			a |= (binary.NativeEndian.Uint64(raw)&magnitude + one)
			b |= (binary.NativeEndian.Uint64(raw[8:])&magnitude + one)
			raw = raw[16:]
		}
		if (a|b)&carry == 0 && len(raw) == 0 {
			continue
		}
		for i, v := range part {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				return at + i
			}
		}
	}
	return -1
}

// CheckFinite reads every parameter and refuses one with a NaN or an infinity,
// by name. Encoders do so while they load; inspect and convert ask for it.
func (c *Checkpoint) CheckFinite() error {
	for _, p := range c.Config.Parameters() {
		if p.Name == "logit_scale" {
			continue // read when the checkpoint was opened
		}
		if _, err := c.view.Get(p.Name, p.Shape...); err != nil {
			return err
		}
	}
	return nil
}

package vit

import (
	"fmt"
	"image"
	"math/rand/v2"
	"slices"
)

// AugMixOp is one of AugMix's picture operations.
type AugMixOp int

// The operations, in the reference's order; none changes brightness, contrast,
// colour or sharpness, which the robustness benchmarks use themselves.
const (
	AutoContrast AugMixOp = iota
	Equalize
	Posterize
	Rotate
	Solarize
	ShearX
	ShearY
	TranslateX
	TranslateY
	augMixOps
)

// AugMixStep is one operation with its strength.
type AugMixStep struct {
	Op       AugMixOp
	Level    float64 // from 0.1 to the severity
	Negative bool    // the other direction, where the operation has one
}

// AugMix is one random mixture: Mix of the picture itself and the rest of the
// weighted chains of operations (Hendrycks et al., 2020).
type AugMix struct {
	Mix     float32
	Weights [3]float32
	Chains  [3][]AugMixStep
}

// RandomAugMix draws a mixture of severity 1 as test-time prompt tuning does:
// weights from Dirichlet(1, 1, 1), the mix from Beta(1, 1), chains of one to
// three operations with replacement.
func RandomAugMix(r *rand.Rand) AugMix {
	var a AugMix
	var draws [3]float64
	for i := range draws {
		draws[i] = r.ExpFloat64()
	}
	sum := draws[0] + draws[1] + draws[2]
	for i, d := range draws {
		a.Weights[i] = float32(d / sum)
	}
	a.Mix = float32(r.Float64()) // Beta(1, 1) is uniform
	for i := range a.Chains {
		for range 1 + r.IntN(3) {
			a.Chains[i] = append(a.Chains[i], AugMixStep{
				Op:       AugMixOp(r.IntN(int(augMixOps))),
				Level:    0.1 + 0.9*r.Float64(),
				Negative: r.IntN(2) == 1,
			})
		}
	}
	return a
}

// AugMix writes the mixture of a Size x Size picture to dst as the tower's
// input. The parts are normalised first and mixed as float32, as the reference
// mixes tensors.
func (p Preprocessor) AugMix(dst []float32, view *image.NRGBA, a AugMix) error {
	if err := p.Normalize(dst, view); err != nil {
		return err
	}
	mixed := make([]float32, len(dst))
	part := make([]float32, len(dst))
	for i, chain := range a.Chains {
		m := view
		for _, step := range chain {
			var err error
			if m, err = step.Apply(m); err != nil {
				return err
			}
		}
		if err := p.Normalize(part, m); err != nil {
			return err
		}
		for k, v := range part {
			mixed[k] += float32(a.Weights[i] * v)
		}
	}
	for k, v := range mixed {
		dst[k] = float32(a.Mix*dst[k]) + float32((1-a.Mix)*v)
	}
	return nil
}

// Apply returns a new picture with the operation applied, equal to what Pillow
// gives. The size does not change; uncovered pixels are black.
func (s AugMixStep) Apply(m *image.NRGBA) (*image.NRGBA, error) {
	if m.Rect.Empty() {
		return nil, fmt.Errorf("augmix: the picture has no pixels")
	}
	switch s.Op {
	case AutoContrast:
		return mapChannels(m, stretch), nil
	case Equalize:
		return mapChannels(m, equalize), nil
	case Posterize:
		keep := 4 - int(s.Level*4/10)
		mask := ^uint8(1<<(8-keep) - 1)
		return mapLevels(m, func(v uint8) uint8 { return v & mask }), nil
	case Solarize:
		threshold := 256 - int(s.Level*256/10)
		return mapLevels(m, func(v uint8) uint8 {
			if int(v) < threshold {
				return v
			}
			return 255 - v
		}), nil
	}
	matrix, ok := s.matrix(m.Rect.Dx(), m.Rect.Dy())
	if !ok {
		return nil, fmt.Errorf("augmix: operation %d is not known", int(s.Op))
	}
	return affine(m, matrix), nil
}

// mapLevels applies one table to all channels.
func mapLevels(m *image.NRGBA, f func(uint8) uint8) *image.NRGBA {
	return mapChannels(m, func(*[256]int) (table [256]uint8) {
		for v := range table {
			table[v] = f(uint8(v))
		}
		return table
	})
}

// mapChannels applies to each channel a table made from its histogram.
func mapChannels(m *image.NRGBA, makeTable func(histogram *[256]int) [256]uint8) *image.NRGBA {
	w, h := m.Rect.Dx(), m.Rect.Dy()
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	var counts [3][256]int
	for y := range h {
		row := m.Pix[y*m.Stride:][:4*w]
		copy(out.Pix[y*out.Stride:], row)
		for x := 0; x < len(row); x += 4 {
			counts[0][row[x]]++
			counts[1][row[x+1]]++
			counts[2][row[x+2]]++
		}
	}
	for c := range counts {
		table := makeTable(&counts[c])
		for i := c; i < len(out.Pix); i += 4 {
			out.Pix[i] = table[out.Pix[i]]
		}
	}
	return out
}

// identity is the table that changes nothing.
func identity() (table [256]uint8) {
	for v := range table {
		table[v] = uint8(v)
	}
	return table
}

// stretch maps the darkest level to 0 and the lightest to 255 (Pillow's
// ImageOps.autocontrast), truncating.
func stretch(histogram *[256]int) [256]uint8 {
	lo := slices.IndexFunc(histogram[:], func(n int) bool { return n > 0 })
	hi := 255
	for hi > lo && histogram[hi] == 0 {
		hi--
	}
	table := identity()
	if hi <= lo {
		return table
	}
	scale := 255 / float64(hi-lo)
	offset := float64(-float64(lo) * scale)
	for v := range table {
		table[v] = uint8(min(max(int(float64(float64(v)*scale)+offset), 0), 255))
	}
	return table
}

// equalize spreads the levels by their frequency (Pillow's ImageOps.equalize).
func equalize(histogram *[256]int) [256]uint8 {
	total, last, used := 0, 0, 0
	for _, n := range histogram {
		if n > 0 {
			total, last, used = total+n, n, used+1
		}
	}
	table := identity()
	step := (total - last) / 255
	if used <= 1 || step == 0 {
		return table
	}
	n := step / 2
	for v := range table {
		table[v] = uint8(min(n/step, 255))
		n += histogram[v]
	}
	return table
}

package demo

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/jpeg"
	"math"
	"math/rand/v2"

	"clipcalib/internal/imageio"
)

// Corruption is a way to spoil a picture, after the common corruptions of
// ImageNet-C (Hendrycks and Dietterich, 2019), whose strengths it keeps where
// they carry over to small pictures.
type Corruption string

// The corruptions.
const (
	Noise    Corruption = "noise"
	Blur     Corruption = "blur"
	Contrast Corruption = "contrast"
	Pixelate Corruption = "pixelate"
	JPEG     Corruption = "jpeg"
	Rotate   Corruption = "rotate"
)

// Corruptions lists every corruption.
var Corruptions = []Corruption{Noise, Blur, Contrast, Pixelate, JPEG, Rotate}

// MaxSeverity is the strongest severity; the weakest is 1.
const MaxSeverity = 5

// strengths gives each corruption's parameter by severity.
//
//	noise     ImageNet-C's standard deviations, of pixels in [0, 1]
//	blur      standard deviation in pixels; ImageNet-C's 1 to 6 are for 224
//	contrast  ImageNet-C's factors
//	pixelate  ImageNet-C's scales, but 0.2 for 0.25, whose 7 boxes fit 28 pixels
//	          so well that they spoil less than 8 do
//	jpeg      ImageNet-C's qualities, by Go's encoder
//	rotate    degrees; not in ImageNet-C
var strengths = map[Corruption][MaxSeverity]float64{
	Noise:    {0.08, 0.12, 0.18, 0.26, 0.38},
	Blur:     {0.6, 0.9, 1.3, 1.8, 2.5},
	Contrast: {0.4, 0.3, 0.2, 0.1, 0.05},
	Pixelate: {0.6, 0.5, 0.4, 0.3, 0.2},
	JPEG:     {25, 18, 15, 10, 7},
	Rotate:   {8, 16, 24, 32, 40},
}

// Corrupt returns a spoilt copy of img. The result depends on the picture,
// kind, severity, seed and index alone; index is the picture's place in its
// set, so that neighbours get different noise.
func Corrupt(img *image.NRGBA, kind Corruption, severity int, seed uint64, index int) (*image.NRGBA, error) {
	strength, ok := strengths[kind]
	if !ok {
		return nil, fmt.Errorf("corruption %q: want one of %v", kind, Corruptions)
	}
	if severity < 1 || severity > MaxSeverity {
		return nil, fmt.Errorf("corruption %s: severity %d, want 1 to %d", kind, severity, MaxSeverity)
	}
	if img == nil || img.Rect.Empty() {
		return nil, fmt.Errorf("corruption %s: no pixels", kind)
	}
	s := strength[severity-1]
	rng := corruptionRand(kind, severity, seed, index)
	if kind == JPEG {
		return throughJPEG(img, int(s))
	}
	p := planesOf(img)
	switch kind {
	case Noise:
		p.addNoise(s, rng)
	case Blur:
		p.blur(s)
	case Contrast:
		p.contrast(s)
	case Pixelate:
		p.pixelate(s)
	case Rotate:
		if rng.Uint64()&1 == 1 {
			s = -s
		}
		p.rotate(s)
	}
	return p.image(), nil
}

// corruptionRand seeds a generator from everything the noise may depend on.
func corruptionRand(kind Corruption, severity int, seed uint64, index int) *rand.Rand {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[0:], seed)
	binary.LittleEndian.PutUint64(key[8:], uint64(index))
	key[16] = byte(severity)
	copy(key[17:], kind)
	return rand.New(rand.NewChaCha8(key))
}

// gauss draws from the normal distribution by Box and Muller's transform.
func gauss(rng *rand.Rand) float64 {
	u := 1 - rng.Float64() // in (0, 1]
	return math.Sqrt(-2*math.Log(u)) * math.Cos(2*math.Pi*rng.Float64())
}

func throughJPEG(img *image.NRGBA, quality int) (*image.NRGBA, error) {
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, img, &jpeg.Options{Quality: quality}); err != nil {
		return nil, fmt.Errorf("corruption jpeg: %w", err)
	}
	out, err := jpeg.Decode(&buf)
	if err != nil {
		return nil, fmt.Errorf("corruption jpeg: %w", err)
	}
	return imageio.ToRGB(out), nil
}

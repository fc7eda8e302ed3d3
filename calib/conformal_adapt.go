package calib

import (
	"fmt"
	"math"
)

// leastTextWeight is the smallest λ of [SSText].
const leastTextWeight = 1e-3

// SSText adapts class prototypes to labelled features without training
// (SS-Text, Silva-Rodríguez et al., IPMI 2025):
//
//	w_k = t_k + s/(N·λ)·Σ_{i: y_i=k} f_i,   λ = max(1/N, 1e-3), s = exp(logit scale).
//
// features [N, D], text prototypes [K, D], w [K, D]. The features are summed as
// they are given; [CosineLogits] divides by lengths.
func SSText(features Matrix, labels []int, text Matrix, scale float64) (Matrix, error) {
	if err := checkAdaptation(features, labels, text, scale); err != nil {
		return Matrix{}, err
	}
	w := text.Clone()
	by := imageWeight(features.N, scale)
	for i, y := range labels {
		dst := w.Row(y)
		for j, v := range features.Row(i) {
			dst[j] += by * v
		}
	}
	return w, nil
}

// imageWeight is s/(N·λ).
func imageWeight(n int, scale float64) float64 {
	return scale / (float64(n) * max(1/float64(n), leastTextWeight))
}

func checkAdaptation(features Matrix, labels []int, text Matrix, scale float64) error {
	if err := features.Check(); err != nil {
		return fmt.Errorf("features: %w", err)
	}
	if err := text.Check(); err != nil {
		return fmt.Errorf("text features: %w", err)
	}
	if features.K != text.K {
		return fmt.Errorf("features of length %d, text features of length %d", features.K, text.K)
	}
	if !(scale > 0) || math.IsInf(scale, 0) {
		return fmt.Errorf("logit scale %v: want exp(logit_scale), above 0 and finite", scale)
	}
	return checkLabels(features.N, text.N, labels)
}

// CosineLogits returns scale times the cosines of features [N, D] and
// prototypes [K, D], as [N, K].
func CosineLogits(features, prototypes Matrix, scale float64) (Matrix, error) {
	if features.K != prototypes.K {
		return Matrix{}, fmt.Errorf("features of length %d, prototypes of length %d", features.K, prototypes.K)
	}
	if err := features.Check(); err != nil {
		return Matrix{}, err
	}
	if err := prototypes.Check(); err != nil {
		return Matrix{}, err
	}
	f, w := unitRows(features), unitRows(prototypes)
	out := NewMatrix(f.N, w.N)
	err := inParallel(partsOf(f.N, 0), func(part int) error {
		parts := partsOf(f.N, 0)
		for i := part * f.N / parts; i < (part+1)*f.N/parts; i++ {
			for k := range w.N {
				out.Data[i*w.N+k] = scale * dot(f.Row(i), w.Row(k))
			}
		}
		return nil
	})
	return out, err
}

func dot(a, b []float64) float64 {
	s := 0.0
	for i, v := range a {
		s += v * b[i]
	}
	return s
}

// FullConformal is full conformal adaptation (FCA, Silva-Rodríguez et al., IPMI
// 2025): for every test sample and every class, [SSText] is fitted on the
// calibration samples and the test sample as one of that class, and the class
// is kept if the threshold of the calibration samples' scores under these very
// prototypes lets it in. All labelled samples adapt and calibrate, and the
// guarantee holds, as the test sample is treated like them. It costs N·K·K
// exponentials a test sample.
func FullConformal(calibration Matrix, labels []int, text Matrix, scale float64, test Matrix,
	opt ConformalOptions) ([][]int, error) {
	if err := opt.check(); err != nil {
		return nil, err
	}
	if opt.ByClass {
		return nil, fmt.Errorf("full conformal adaptation has no thresholds by class")
	}
	if err := checkAdaptation(calibration, labels, text, scale); err != nil {
		return nil, err
	}
	if err := test.Check(); err != nil {
		return nil, fmt.Errorf("test features: %w", err)
	}
	if test.K != text.K {
		return nil, fmt.Errorf("test features of length %d, text features of length %d", test.K, text.K)
	}
	if quantileRank(calibration.N, opt.Coverage) > calibration.N {
		return nil, fmt.Errorf("%w: %d, but a coverage of %g needs at least %d", ErrFewSamples, calibration.N,
			opt.Coverage, leastSamples(opt.Coverage))
	}
	a := newFullAdapter(calibration, labels, text, scale, opt)
	sets := make([][]int, test.N)
	parts := partsOf(test.N, 0)
	err := inParallel(parts, func(part int) error {
		w := a.worker()
		for i := part * test.N / parts; i < (part+1)*test.N/parts; i++ {
			set, err := w.set(test.Row(i), i)
			if err != nil {
				return err
			}
			sets[i] = set
		}
		return nil
	})
	return sets, err
}

// fullAdapter holds what all test samples share: the prototypes of the
// calibration samples under the weight of one sample more. A test sample moves
// only the prototype of the class it is tried as.
type fullAdapter struct {
	opt    ConformalOptions
	labels []int
	scale  float64
	by     float64 // s/(N·λ) with the test sample counted
	unit   Matrix  // calibration features of unit length
	w      Matrix  // prototypes without the test sample
	square []float64
	raw    Matrix // unit·w
	logits Matrix // scale·cosine
}

func newFullAdapter(calibration Matrix, labels []int, text Matrix, scale float64, opt ConformalOptions) *fullAdapter {
	a := &fullAdapter{opt: opt, labels: labels, scale: scale, by: imageWeight(calibration.N+1, scale),
		unit: unitRows(calibration), w: text.Clone()}
	for i, y := range labels {
		dst := a.w.Row(y)
		for j, v := range calibration.Row(i) {
			dst[j] += a.by * v
		}
	}
	a.square = make([]float64, text.N)
	for k := range a.square {
		a.square[k] = dot(a.w.Row(k), a.w.Row(k))
	}
	a.raw, a.logits = NewMatrix(calibration.N, text.N), NewMatrix(calibration.N, text.N)
	for i := range calibration.N {
		for k := range text.N {
			v := dot(a.unit.Row(i), a.w.Row(k))
			a.raw.Data[i*text.N+k] = v
			a.logits.Data[i*text.N+k] = a.cosine(v, a.square[k])
		}
	}
	return a
}

// cosine scales a product with a prototype of this squared length; one of
// length 0 stays, as in [CosineLogits].
func (a *fullAdapter) cosine(product, square float64) float64 {
	if square == 0 {
		return a.scale * product
	}
	return a.scale * product / math.Sqrt(square)
}

type fullWorker struct {
	*fullAdapter
	row    []float64
	own    []float64
	cross  []float64 // unit·x
	scores []float64
	s      sorter
}

func (a *fullAdapter) worker() *fullWorker {
	k := a.w.N
	return &fullWorker{fullAdapter: a, row: make([]float64, k), own: make([]float64, k), cross: make([]float64,
		a.unit.N), scores: make([]float64, a.unit.N),
		s: sorter{probs: make([]float64, k), heap: make([]int32, k)}}
}

func (f *fullWorker) set(x []float64, index int) ([]int, error) {
	length := math.Sqrt(dot(x, x))
	divide := length
	if divide == 0 {
		divide = 1
	}
	for i := range f.cross {
		f.cross[i] = dot(f.unit.Row(i), x)
	}
	products := make([]float64, f.w.N)
	for k := range products {
		products[k] = dot(x, f.w.Row(k))
		f.own[k] = f.cosine(products[k]/divide, f.square[k])
	}
	set := []int{}
	for y := range f.w.N {
		square := f.square[y] + 2*f.by*products[y] + f.by*f.by*length*length
		for i := range f.scores {
			copy(f.row, f.logits.Row(i))
			f.row[y] = f.cosine(f.raw.Data[i*f.w.N+y]+f.by*f.cross[i], square)
			f.scores[i] = f.score(f.row, f.labels[i], f.opt.draw(i, 0))
		}
		threshold, err := conformalQuantile(f.scores, f.opt.Coverage)
		if err != nil {
			return nil, err
		}
		copy(f.row, f.own)
		f.row[y] = f.cosine((products[y]+f.by*length*length)/divide, square)
		if f.score(f.row, y, f.opt.draw(index, 1)) <= threshold {
			set = append(set, y)
		}
	}
	return set, nil
}

func (f *fullWorker) score(logits []float64, label int, u float64) float64 {
	quickSoftmax(f.s.probs, logits)
	f.s.renew()
	return f.s.scoreOf(&f.opt, label, u)
}

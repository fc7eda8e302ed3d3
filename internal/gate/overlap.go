package gate

import (
	"hash/maphash"
	"math"
	"unsafe"

	"clipcalib/calib"
)

// The logits of one picture differ by the sums of float32 in another order, as
// package calib has it of twins.
const (
	twinLogits = 1e-3
	twinShare  = 1e-4
)

// Shared counts the rows of fold that also occur among those of measured: samples
// that are fitted on and measured too, whatever files they come from. Rows that were
// written down with few bits, decimals or digits occur where they may be roundings
// of the other file's; that many do by chance is no finding (see [Sketch.Shared]).
func Shared(fold, measured calib.Rows) (int, error) {
	_, k := fold.Shape()
	if _, other := measured.Shape(); other != k {
		return 0, nil
	}
	exact, err := equalRows(fold, measured)
	if err != nil {
		return 0, err
	}
	a, err := SketchOf(fold)
	if err != nil {
		return 0, err
	}
	b, err := SketchOf(measured)
	if err != nil {
		return 0, err
	}
	return max(exact, a.Shared(b)), nil
}

// Shared counts the rows that have a twin among those of measured, 0 if there are no
// more than chance may bring. How many that is the files tell themselves: a sample
// that was not fitted on has a twin as often as those of either file have one among
// the others of it.
func (s *Sketch) Shared(measured *Sketch) int {
	if s.classes != measured.classes || s.len() == 0 || measured.len() == 0 {
		return 0
	}
	t := match{tolerance: s.slack.plus(measured.slack)}
	t.abs += min(twinLogits, twinShare*min(s.widest, measured.widest))
	shared := s.shared(measured, t)
	t.shifted = true
	return max(shared, s.shared(measured, t))
}

func (s *Sketch) shared(measured *Sketch, t match) int {
	shared := 0
	for i := range s.len() {
		if measured.has(s.row(i), t, 1, -1) {
			shared++
		}
	}
	if shared == 0 {
		return 0
	}
	n, m := float64(s.len()), float64(measured.len())
	chance := min(measured.chance(t), s.chance(t)*max(1, m/n))
	if float64(shared) <= unequalGrids*chance*n {
		return 0
	}
	return shared
}

// unequalGrids is how many times more often rows of a coarse and of a fine file may be
// twins than those of the coarse one alone, of which many are equal or a whole step
// apart: up to twice in each of two columns. With more columns chance has no part.
const unequalGrids = 4

// chanceRows is how many rows chance is judged by, at most.
const chanceRows = 2000

// chance bounds the share of samples that have a twin among the others. Within a
// smaller tolerance there are fewer, in proportion at least as long as they are few: so
// it is known where there are none at all, too. The proportion is that of 2s+1 steps of
// a grid within s of them, and three within one.
func (s *Sketch) chance(t match) float64 {
	step := max(1, s.len()/chanceRows)
	least := 1.0
	for _, times := range []float64{1, 8, 64, 512} {
		count, of := 0.0, 0.0
		for i := 0; i < s.len(); i += step {
			if of++; s.has(s.row(i), t, times, i) {
				count++
			}
		}
		if times > 1 && count > 0.1*of {
			break
		}
		// Beyond what the count may miss of its mean, with a probability below 1e-4.
		least = min(least, (count+6*math.Sqrt(count)+9)/of*3/(2*times+1))
	}
	return least
}

// equalRows counts the rows of fold that occur, number for number, in measured.
func equalRows(fold, measured calib.Rows) (int, error) {
	seed := maphash.MakeSeed()
	of, err := hashes(seed, fold)
	if err != nil {
		return 0, err
	}
	in, err := hashes(seed, measured)
	if err != nil {
		return 0, err
	}
	seen := make(map[uint64]struct{}, len(in))
	for _, h := range in {
		seen[h] = struct{}{}
	}
	shared := 0
	for _, h := range of {
		if _, ok := seen[h]; ok {
			shared++
		}
	}
	return shared, nil
}

func hashes(seed maphash.Seed, r calib.Rows) ([]uint64, error) {
	n, _ := r.Shape()
	out := make([]uint64, n)
	return out, calib.EachRow(r, func(i int, row []float64) error {
		out[i] = hash(seed, row)
		return nil
	})
}

func hash(seed maphash.Seed, row []float64) uint64 {
	return maphash.Bytes(seed, unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(row))), 8*len(row)))
}

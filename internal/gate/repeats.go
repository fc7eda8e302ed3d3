package gate

import (
	"hash/maphash"
	"sync"

	"clipcalib/calib"
)

// Repeats are rows of logits that occur before in the same file, number for number.
type Repeats struct {
	N, Of  int // rows that are repeats, of so many
	Unlike int // those of them that have another label than the first
	First  int // number of the first repeat, -1 for none
	// Rounded says that the file's numbers are written coarsely: rows may be equal
	// that are of different samples.
	Rounded bool
}

// Many says that repeats are more than the true duplicates that sets have, and not by
// rounding.
func (r Repeats) Many() bool { return !r.Rounded && 100*r.N > r.Of }

// RepeatsIn looks for them; labels may be nil.
func RepeatsIn(rows calib.Rows, labels []int) (Repeats, error) {
	n, _ := rows.Shape()
	out := Repeats{Of: n, First: -1}
	seed, sums := maphash.MakeSeed(), make([]uint64, n)
	var mu sync.Mutex
	all := newRounding()
	err := calib.EachRow(rows, func(i int, row []float64) error {
		sums[i] = hash(seed, row)
		seen := newRounding()
		for _, v := range row {
			seen.add(v)
		}
		mu.Lock()
		all.join(seen)
		mu.Unlock()
		return nil
	})
	first := make(map[uint64]int, n)
	for i, h := range sums {
		at, known := first[h]
		if !known {
			first[h] = i
			continue
		}
		if out.N++; out.N == 1 {
			out.First = i
		}
		if labels != nil && labels[i] != labels[at] {
			out.Unlike++
		}
	}
	out.Rounded = all.slack() != tolerance{}
	return out, err
}

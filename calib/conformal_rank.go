package calib

import "slices"

// sorter hands out the classes of a row by falling probability, from a heap: few
// are asked for. What it has handed out it hands out again after rewind.
type sorter struct {
	probs []float64
	heap  []int32
	ready bool // the heap is of these probabilities
	least bool // it is, or was, of those below the cut
	order []int32
	at    int     // in order
	few   []int32 // of among
}

// rewind begins again with the most probable class.
func (s *sorter) rewind() { s.at = 0 }

// renew says that there are other probabilities.
func (s *sorter) renew() { s.ready, s.order, s.at = false, s.order[:0], 0 }

// eachSorted calls f with each row, in parallel.
func eachSorted(logits Rows, f func(i int, s *sorter) error) error {
	n, k := logits.Shape()
	parts := partsOf(n, 0)
	sorters := make([]sorter, parts)
	return eachBlock(logits, parts, func(part, from int, block []float64) error {
		s := &sorters[part]
		if s.probs == nil {
			s.probs, s.heap = make([]float64, k), make([]int32, k)
		}
		for at := 0; at < len(block); at += k {
			row := block[at : at+k]
			i := from + at/k
			if err := checkRow(row, i); err != nil {
				return err
			}
			quickSoftmax(s.probs, row)
			s.renew()
			if err := f(i, s); err != nil {
				return err
			}
		}
		return nil
	})
}

// fill makes the heap of the classes above a quarter of the mean probability, or
// of the others: few are asked for, and those are seldom among the others.
func (s *sorter) fill(least bool) {
	s.ready, s.least = true, least
	s.heap = s.heap[:0]
	cut := 0.25 / float64(len(s.probs))
	for i, p := range s.probs {
		if (p < cut) == least {
			s.heap = append(s.heap, int32(i))
		}
	}
	for i := len(s.heap)/2 - 1; i >= 0; i-- {
		s.down(i)
	}
}

// above orders by probability, the lower index first on ties.
func (s *sorter) above(a, b int32) bool {
	if p, q := s.probs[a], s.probs[b]; p != q {
		return p > q
	}
	return a < b
}

func (s *sorter) down(i int) {
	h := s.heap
	for {
		child := 2*i + 1
		if child >= len(h) {
			return
		}
		if child+1 < len(h) && s.above(h[child+1], h[child]) {
			child++
		}
		if !s.above(h[child], h[i]) {
			return
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}

func (s *sorter) next() (class int, ok bool) {
	if s.at < len(s.order) {
		s.at++
		return int(s.order[s.at-1]), true
	}
	if !s.ready {
		s.fill(false)
	}
	if len(s.heap) == 0 && !s.least {
		s.fill(true)
	}
	if len(s.heap) == 0 {
		return 0, false
	}
	top := s.heap[0]
	last := len(s.heap) - 1
	s.heap[0] = s.heap[last]
	s.heap = s.heap[:last]
	s.down(0)
	s.order, s.at = append(s.order, top), s.at+1
	return int(top), true
}

// among are the classes that keep says so of, by falling probability: where they
// are few, that is quicker than the heap.
func (s *sorter) among(keep func(class int, p float64) bool) []int {
	s.few = s.few[:0]
	for k, p := range s.probs {
		if keep(k, p) {
			s.few = append(s.few, int32(k))
		}
	}
	slices.SortFunc(s.few, func(a, b int32) int {
		if s.above(a, b) {
			return -1
		}
		return 1
	})
	set := make([]int, len(s.few))
	for i, k := range s.few {
		set[i] = int(k)
	}
	return set
}

// scoreOf is the score of one class of the row.
func (s *sorter) scoreOf(c *ConformalOptions, label int, u float64) float64 {
	if c.Score == LAC {
		return 1 - s.probs[label]
	}
	s.rewind()
	before := 0.0
	for rank := 1; ; rank++ {
		k, _ := s.next() // the label is among them
		if k == label {
			return c.score(s.probs[k], before, rank, u)
		}
		before += s.probs[k]
	}
}

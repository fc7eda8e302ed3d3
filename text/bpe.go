package text

import "container/heap"

// The merge loop of byte-pair encoding. OpenAI's code looks, again and again,
// for the adjacent pair of lowest rank and merges all its occurrences, which
// is quadratic in the length of a piece. Here the candidate pairs wait in a
// heap ordered by rank, then position: the same merges in O(n log n), since a
// merge can only give rise to pairs of higher rank than its own.

// pair is a candidate merge of the symbol at position left with its neighbour.
type pair struct {
	left, right   int32 // positions
	symbol        int32 // id of the result, which orders pairs by rank
	leftID, other int32 // ids when the pair was found, to tell stale entries
}

type pairHeap []pair

func (h pairHeap) Len() int { return len(h) }
func (h pairHeap) Less(i, j int) bool {
	if h[i].symbol != h[j].symbol {
		return h[i].symbol < h[j].symbol
	}
	return h[i].left < h[j].left
}
func (h pairHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *pairHeap) Push(x any)   { *h = append(*h, x.(pair)) }
func (h *pairHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// word is one piece while it is being merged: a linked list of symbols over
// the positions of its bytes.
type word struct {
	v          *vocabulary
	id         []int32 // symbol at each position; -1 once merged into its left neighbour
	next, prev []int32
	pairs      pairHeap
}

// shortPiece bounds the pieces merged by rescanning: below it the heap costs
// more than it saves.
const shortPiece = 32

// appendPiece appends the ids of one piece, a non-empty run of UTF-8 bytes.
func (v *vocabulary) appendPiece(dst []int32, piece string) []int32 {
	start := len(dst)
	for i := range len(piece) {
		dst = append(dst, v.byteID[piece[i]])
	}
	dst[len(dst)-1] += byteSymbols
	if len(piece) > shortPiece {
		return append(dst[:start], v.mergeLong(dst[start:])...)
	}
	return dst[:start+v.mergeShort(dst[start:])]
}

// mergeShort merges ids in place and returns how many symbols remain.
func (v *vocabulary) mergeShort(ids []int32) int {
	for len(ids) > 1 {
		at, best := -1, int32(VocabSize)
		for i := range len(ids) - 1 {
			if s, ok := v.merge[pairKey(ids[i], ids[i+1])]; ok && s < best {
				at, best = i, s
			}
		}
		if at < 0 {
			break
		}
		ids[at] = best
		ids = append(ids[:at+1], ids[at+2:]...)
	}
	return len(ids)
}

// mergeLong merges ids with a heap and returns the symbols that remain.
func (v *vocabulary) mergeLong(ids []int32) []int32 {
	n := len(ids)
	w := &word{v: v, id: append([]int32(nil), ids...), next: make([]int32, n), prev: make([]int32, n)}
	for i := range n {
		w.prev[i], w.next[i] = int32(i-1), int32(i+1)
	}
	w.next[n-1] = -1
	for i := range n - 1 {
		w.propose(int32(i))
	}
	for len(w.pairs) > 0 {
		w.apply(heap.Pop(&w.pairs).(pair))
	}
	out := ids[:0]
	for i := int32(0); i >= 0; i = w.next[i] {
		out = append(out, w.id[i])
	}
	return out
}

// propose adds the pair starting at position left, if it is a merge.
func (w *word) propose(left int32) {
	if left < 0 || w.next[left] < 0 {
		return
	}
	right := w.next[left]
	if s, ok := w.v.merge[pairKey(w.id[left], w.id[right])]; ok {
		heap.Push(&w.pairs, pair{left, right, s, w.id[left], w.id[right]})
	}
}

// apply merges p unless one of its symbols has changed since it was proposed.
func (w *word) apply(p pair) {
	if w.id[p.left] != p.leftID || w.next[p.left] != p.right || w.id[p.right] != p.other {
		return
	}
	w.id[p.left], w.id[p.right] = p.symbol, -1
	w.next[p.left] = w.next[p.right]
	if after := w.next[p.left]; after >= 0 {
		w.prev[after] = p.left
	}
	w.propose(w.prev[p.left])
	w.propose(p.left)
}

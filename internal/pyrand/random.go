package pyrand

import (
	"fmt"
	"math/bits"
)

// Float64 is random.random(): a float in [0, 1) with 53 random bits.
func (r *Rand) Float64() float64 {
	a, b := r.Uint32()>>5, r.Uint32()>>6
	return (float64(a)*67108864 + float64(b)) / 9007199254740992
}

// Uniform is random.uniform(a, b).
func (r *Rand) Uniform(a, b float64) float64 {
	span := float64((b - a) * r.Float64()) // the conversion keeps the product from being fused into the sum
	return a + span
}

// Bits is random.getrandbits(k) for k from 0 to 64: an integer of k random
// bits. It panics on other k, as a slice index out of range would.
func (r *Rand) Bits(k int) uint64 {
	switch {
	case k < 0 || k > 64:
		panic(fmt.Sprintf("pyrand: Bits(%d): want 0 to 64", k))
	case k == 0:
		return 0
	case k <= 32:
		return uint64(r.Uint32() >> (32 - k))
	}
	low := uint64(r.Uint32())
	return low | uint64(r.Uint32()>>(64-k))<<32
}

// Below is random.randrange(n): an integer in [0, n), drawn by rejection. It
// panics if n is not positive.
func (r *Rand) Below(n int) int {
	if n <= 0 {
		panic(fmt.Sprintf("pyrand: Below(%d): want a positive bound", n))
	}
	k := bits.Len(uint(n))
	for {
		if v := r.Bits(k); v < uint64(n) {
			return int(v)
		}
	}
}

// Shuffle is random.shuffle over n elements, given a function that exchanges
// two of them.
func (r *Rand) Shuffle(n int, swap func(i, j int)) {
	for i := n - 1; i >= 1; i-- {
		swap(i, r.Below(i+1))
	}
}

// Choice is the index random.choice picks from a sequence of length n.
func (r *Rand) Choice(n int) int { return r.Below(n) }

// Sample returns the indices random.sample(seq, k) picks, in its order, from
// a sequence of length n. It is an error if k is negative or exceeds n.
func (r *Rand) Sample(n, k int) ([]int, error) {
	if k < 0 || k > n {
		return nil, fmt.Errorf("cannot sample %d of %d", k, n)
	}
	if n <= poolThreshold(k) {
		return r.samplePool(n, k), nil
	}
	picks := make([]int, 0, k)
	taken := make(map[int]bool, k)
	for len(picks) < k {
		j := r.Below(n)
		if !taken[j] {
			taken[j] = true
			picks = append(picks, j)
		}
	}
	return picks, nil
}

// samplePool draws without replacement from an explicit pool; the last live
// element moves into the hole each pick leaves.
func (r *Rand) samplePool(n, k int) []int {
	pool := make([]int, n)
	for i := range pool {
		pool[i] = i
	}
	picks := make([]int, k)
	for i := range picks {
		j := r.Below(n - i)
		picks[i] = pool[j]
		pool[j] = pool[n-i-1]
	}
	return picks
}

// poolThreshold is the population size up to which Python's sample keeps a
// pool: 21, plus 4 to the power ceil(log4(3k)) when k exceeds 5.
func poolThreshold(k int) int {
	threshold := 21
	if k > 5 {
		power := 1
		for power < 3*k {
			power *= 4
		}
		threshold += power
	}
	return threshold
}

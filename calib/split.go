package calib

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// SplitStratified divides the samples at random into a first fold with a share
// of every class, rounded to whole samples by largest remainder so that the
// fold's size is that share of all, and a second with the rest. Both are in
// ascending order.
func SplitStratified(labels []int, share float64, seed uint64) (first, second []int, err error) {
	if err := checkFraction("share", share); err != nil {
		return nil, nil, err
	}
	classes := 0
	for i, y := range labels {
		if y < 0 {
			return nil, nil, fmt.Errorf("label %d at row %d is below 0", y, i)
		}
		classes = max(classes, y+1)
	}
	members := make([][]int, classes)
	for i, y := range labels {
		members[y] = append(members[y], i)
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	take := make([]int, classes)
	taken := 0
	type remainder struct {
		class int
		share float64
		draw  uint64 // equal remainders are ordered by chance
	}
	var rest []remainder
	for k, m := range members {
		rng.Shuffle(len(m), func(i, j int) { m[i], m[j] = m[j], m[i] })
		whole, part := math.Modf(share * float64(len(m)))
		take[k] = int(whole)
		taken += take[k]
		if part > 0 {
			rest = append(rest, remainder{k, part, rng.Uint64()})
		}
	}
	slices.SortFunc(rest, func(a, b remainder) int {
		if c := compare(b.share, a.share); c != 0 {
			return c
		}
		return compare(float64(a.draw>>11), float64(b.draw>>11))
	})
	for _, r := range rest {
		if taken >= int(math.Round(share*float64(len(labels)))) {
			break
		}
		take[r.class]++
		taken++
	}
	for k, m := range members {
		first = append(first, m[:take[k]]...)
		second = append(second, m[take[k]:]...)
	}
	slices.Sort(first)
	slices.Sort(second)
	return first, second, nil
}

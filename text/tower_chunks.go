package text

import (
	"slices"
)

// chunks splits prompts into runs whose tries have at most limit nodes each,
// or one prompt. The prompts are sorted first, so that those with a common
// prefix come together; the result holds indices of prompts. Over sorted
// prompts a trie's size is known without building it: each prompt adds what it
// does not share with the one before.
func chunks(prompts [][]int32, limit int) [][]int {
	order := make([]int, len(prompts))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return slices.Compare(prompts[a], prompts[b]) })
	var out [][]int
	start, nodes := 0, 0
	for at, i := range order {
		added := len(prompts[i])
		if at > start {
			added -= sharedPrefix(prompts[order[at-1]], prompts[i])
		}
		if at > start && nodes+added > limit {
			out = append(out, order[start:at])
			start, nodes, added = at, 0, len(prompts[i])
		}
		nodes += added
	}
	if start < len(order) {
		out = append(out, order[start:])
	}
	return out
}

func sharedPrefix(a, b []int32) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// bucket rounds a trie's size up to one of few sizes, so that a compiled
// program serves many tries at the price of a few idle nodes.
func bucket(n int) int {
	step := 16
	for step*16 < n {
		step *= 2
	}
	return (n + step - 1) / step * step
}

package text

import (
	"math/rand/v2"
	"testing"
)

func TestChunksHoldEveryPromptOnceWithinTheLimit(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	prompts := make([][]int32, 300)
	for i := range prompts {
		n := 1 + rng.IntN(12)
		for range n {
			prompts[i] = append(prompts[i], int32(rng.IntN(3)))
		}
		prompts[i] = append(prompts[i], EOT)
	}
	for _, limit := range []int{1, 13, 50, 400, 1 << 20} {
		seen := make([]int, len(prompts))
		for _, chunk := range chunks(prompts, limit) {
			var part [][]int32
			for _, i := range chunk {
				seen[i]++
				part = append(part, prompts[i])
			}
			trie, err := NewTrie(part)
			if err != nil {
				t.Fatal(err)
			}
			if trie.Len() > limit && len(chunk) > 1 {
				t.Errorf("limit %d: a chunk of %d prompts has %d nodes", limit, len(chunk), trie.Len())
			}
		}
		for i, n := range seen {
			if n != 1 {
				t.Fatalf("limit %d: prompt %d is in %d chunks", limit, i, n)
			}
		}
	}
}

func TestBucketsAreFewAndWasteLittle(t *testing.T) {
	sizes := map[int]bool{}
	for n := 1; n <= 8192; n++ {
		b := bucket(n)
		if b < n || b > n+n/8+16 {
			t.Fatalf("bucket(%d) = %d", n, b)
		}
		sizes[b] = true
	}
	if len(sizes) > 100 {
		t.Errorf("%d sizes", len(sizes))
	}
}

package text

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"clipcalib/internal/imagenet"
)

func imageNetPrompts(t testing.TB, template string) []string {
	t.Helper()
	prompts, err := Prompts(template, imagenet.Names())
	if err != nil {
		t.Fatal(err)
	}
	return prompts
}

func tokenize(t testing.TB, prompts []string) [][]int32 {
	t.Helper()
	tok := NewTokenizer()
	out := make([][]int32, len(prompts))
	for i, p := range prompts {
		var err error
		if out[i], err = tok.Tokens(p); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func newTrie(t testing.TB, prompts [][]int32) *Trie {
	t.Helper()
	trie, err := NewTrie(prompts)
	if err != nil {
		t.Fatal(err)
	}
	return trie
}

func TestTrieOfImageNetPrompts(t *testing.T) {
	one := tokenize(t, imageNetPrompts(t, TemplateDefault))
	trie := newTrie(t, one)
	if trie.Len() != 4008 || trie.NumTokens() != 9165 {
		t.Errorf("one template: %d nodes of %d tokens, want 4008 of 9165", trie.Len(), trie.NumTokens())
	}

	// Sixteen learned vectors before "CLASS." take the place of four words.
	learned := make([][]int32, len(one))
	for i, p := range one {
		learned[i] = append(learned[i], SOT)
		for c := range 16 {
			learned[i] = append(learned[i], ContextToken(c))
		}
		learned[i] = append(learned[i], p[5:]...)
	}
	if n := newTrie(t, learned).Len(); n != 4020 {
		t.Errorf("16 contexts: %d nodes, want 4020", n)
	}

	var eight [][]int32
	for _, template := range TemplatesImageNet() {
		eight = append(eight, tokenize(t, imageNetPrompts(t, template))...)
	}
	if n := newTrie(t, eight).Len(); n != 36042 {
		t.Errorf("eight templates: %d nodes, want 36042", n)
	}
}

// path returns the tokens from the root to node.
func path(t *Trie, node int32) []int32 {
	var p []int32
	for ; node >= 0; node = t.Parent[node] {
		p = append(p, t.Token[node])
	}
	slices.Reverse(p)
	return p
}

// checkTrie verifies everything Trie promises about its numbering.
func checkTrie(t *testing.T, trie *Trie) {
	t.Helper()
	n := int32(trie.Len())
	type edge struct{ parent, token int32 }
	seen := map[edge]bool{}
	for i := range n {
		p := trie.Parent[i]
		if p >= i || p < -1 {
			t.Fatalf("node %d has parent %d", i, p)
		}
		depth := int32(0)
		if p >= 0 {
			depth = trie.Depth[p] + 1
			if trie.End[i] > trie.End[p] {
				t.Fatalf("node %d ends at %d, its parent %d at %d", i, trie.End[i], p, trie.End[p])
			}
		}
		if trie.Depth[i] != depth {
			t.Fatalf("node %d has depth %d, want %d", i, trie.Depth[i], depth)
		}
		if e := (edge{p, trie.Token[i]}); trie.Copies == 1 && seen[e] {
			t.Fatalf("node %d repeats token %d under %d", i, e.token, p)
		} else {
			seen[e] = true
		}
		if trie.End[i] <= i || trie.End[i] > n {
			t.Fatalf("node %d ends at %d", i, trie.End[i])
		}
		for j := i + 1; j < n; j++ {
			below := false
			for a := trie.Parent[j]; a >= 0; a = trie.Parent[a] {
				below = below || a == i
			}
			if below != (j < trie.End[i]) {
				t.Fatalf("node %d ends at %d, yet %d below it is %v", i, trie.End[i], j, below)
			}
		}
	}
}

func TestTrieHoldsEveryPromptOnce(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		prompts := make([][]int32, 1+rng.IntN(20))
		for i := range prompts {
			p := []int32{SOT}
			for range rng.IntN(6) {
				id := int32(rng.IntN(3))
				if rng.IntN(4) == 0 {
					id = ContextToken(rng.IntN(3))
				}
				p = append(p, id)
			}
			p = append(p, EOT)
			prompts[i] = append(p, make([]int32, rng.IntN(3))...) // padding is cut
		}
		trie := newTrie(t, prompts)
		checkTrie(t, trie)
		total := 0
		for i, p := range prompts {
			p = p[:slices.Index(p, EOT)+1]
			total += len(p)
			if got := path(trie, trie.EOT[i]); !slices.Equal(got, p) {
				t.Fatalf("prompt %d is %v in the trie, want %v", i, got, p)
			}
		}
		if trie.NumTokens() != total {
			t.Errorf("%d tokens, want %d", trie.NumTokens(), total)
		}
		again := newTrie(t, prompts)
		if !slices.Equal(trie.Packed(), again.Packed()) || !slices.Equal(trie.Token, again.Token) {
			t.Error("the same prompts gave another trie")
		}
	}
}

func TestTrieKeepsOrderOfAppearanceAndSharesEqualPrompts(t *testing.T) {
	trie := newTrie(t, [][]int32{{SOT, 9, EOT}, {SOT, 3, EOT}, {SOT, 9, 1, EOT}, {SOT, 9, EOT}})
	if want := []int32{SOT, 9, EOT, 1, EOT, 3, EOT}; !slices.Equal(trie.Token, want) {
		t.Errorf("nodes %v, want %v", trie.Token, want)
	}
	if want := []int32{2, 6, 4, 2}; !slices.Equal(trie.EOT, want) {
		t.Errorf("end-of-text nodes %v, want %v", trie.EOT, want)
	}
	if want := []int32{7, 5, 3, 5, 5, 7, 7}; !slices.Equal(trie.End, want) {
		t.Errorf("ends %v, want %v", trie.End, want)
	}
}

func TestTrieRepeatsWithContextsOfItsOwn(t *testing.T) {
	prompts := [][]int32{
		{SOT, ContextToken(0), ContextToken(1), 5, EOT},
		{SOT, ContextToken(0), ContextToken(1), 6, EOT},
	}
	one := newTrie(t, prompts)
	if one.NumContexts() != 2 || !slices.Equal(one.ContextNodes(1), []int32{2}) {
		t.Fatalf("%d contexts, vector 1 at %v", one.NumContexts(), one.ContextNodes(1))
	}
	three, err := one.Repeat(3)
	if err != nil {
		t.Fatal(err)
	}
	checkTrie(t, three)
	if three.Len() != 3*one.Len() || three.NumContexts() != 6 || three.NumPrompts() != 6 || three.NumTokens() != 30 {
		t.Fatalf("%d nodes, %d contexts, %d prompts, %d tokens", three.Len(), three.NumContexts(), three.NumPrompts(),
			three.NumTokens())
	}
	for c := range 3 {
		for i, p := range prompts {
			want := slices.Clone(p)
			want[1], want[2] = ContextToken(2*c), ContextToken(2*c+1)
			if got := path(three, three.EOT[2*c+i]); !slices.Equal(got, want) {
				t.Errorf("copy %d of prompt %d is %v, want %v", c, i, got, want)
			}
		}
		if got, want := three.ContextNodes(2*c), []int32{int32(c*one.Len() + 1)}; !slices.Equal(got, want) {
			t.Errorf("vector %d at %v, want %v", 2*c, got, want)
		}
	}
	if _, err := one.Repeat(0); err == nil {
		t.Error("no error for 0 copies")
	}
	if _, err := one.Repeat(1 << 30); err == nil {
		t.Error("no error for 2^30 copies")
	}
}

func TestTrieRefusesPromptsWithoutText(t *testing.T) {
	for name, p := range map[string][]int32{"empty": {}, "contexts only": {ContextToken(0)}, "negative": {SOT, -1,
		EOT}} {
		if _, err := NewTrie([][]int32{{SOT, EOT}, p}); err == nil || !strings.Contains(err.Error(), "prompt 1") {
			t.Errorf("%s: error %v, want one that names prompt 1", name, err)
		}
	}
	if trie := newTrie(t, nil); trie.Len() != 0 {
		t.Errorf("no prompts: %d nodes", trie.Len())
	}
}

func BenchmarkTrieOfImageNetPrompts(b *testing.B) {
	prompts := tokenize(b, imageNetPrompts(b, TemplateDefault))
	b.ResetTimer()
	for b.Loop() {
		if _, err := NewTrie(prompts); err != nil {
			b.Fatal(err)
		}
	}
}

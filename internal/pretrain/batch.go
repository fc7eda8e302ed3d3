package pretrain

import (
	"fmt"
	"math/rand/v2"
	"sync"

	"clipcalib/text"
)

// Streams of random numbers that must not be the same ones.
const (
	streamOrder = 0x6f72646572 << 16
	streamStep  = 0x73746570 << 16
	streamInit  = 0x696e6974 << 16
)

func stream(seed, kind, n uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, kind+n)) }

// batch is what one step trains on.
type batch struct {
	step    int
	images  []float32    // [B, 3, S, S]
	tries   []*text.Trie // of the captions, one a part
	skipped []error      // of pictures found unreadable in this batch
	err     error
}

// batches makes the batch of any step.
type batches struct {
	corpus  *corpus
	recipe  Recipe
	augment *augmenter
	epoch   int // whose order perm is, -1 at first
	perm    []int32
	strict  bool // a picture that cannot be read is an error
	bad     *unreadable
}

// unreadable is the pictures that could not be read, by all who make batches.
type unreadable struct{ errors sync.Map }

// of is why a picture could not be read, nil if that was not tried or went well.
func (u *unreadable) of(picture int) error {
	err, _ := u.errors.Load(picture)
	failed, _ := err.(error)
	return failed
}

// add notes why a picture could not be read, and says whether that is news.
func (u *unreadable) add(picture int, err error) bool {
	_, known := u.errors.LoadOrStore(picture, err)
	return !known
}

func newBatches(c *corpus, r Recipe) *batches { return newBatchesWith(c, r, &unreadable{}) }

func newBatchesWith(c *corpus, r Recipe, bad *unreadable) *batches {
	return &batches{corpus: c, recipe: r, augment: newAugmenter(r.ImageSize), epoch: -1, bad: bad}
}

// pictures returns the pictures of a step: a new order every epoch, whose last
// few, not a whole batch, are left out.
func (b *batches) pictures(step int) []int32 {
	perEpoch := len(b.corpus.order) / b.recipe.Batch
	if epoch := step / perEpoch; epoch != b.epoch {
		b.epoch = epoch
		b.perm = append(b.perm[:0], b.corpus.order...)
		rng := stream(b.recipe.Seed, streamOrder, uint64(epoch))
		rng.Shuffle(len(b.perm), func(i, j int) { b.perm[i], b.perm[j] = b.perm[j], b.perm[i] })
	}
	at := step % perEpoch * b.recipe.Batch
	return b.perm[at : at+b.recipe.Batch]
}

// read writes picture p to rgb, or the next one of the collection in place of a
// picture that cannot be read, and returns which it was. So a batch stays a
// function of the seed, the step and the files.
func (b *batches) read(p int, rgb []byte, skipped *[]error) (int, error) {
	n := b.corpus.pairs.Len()
	for k := range n {
		at := (p + k) % n
		if b.bad.of(at) != nil {
			continue
		}
		err := b.corpus.pairs.Image(at, rgb)
		if err == nil || b.strict {
			return at, err
		}
		if b.bad.add(at, err) {
			*skipped = append(*skipped, err)
		}
	}
	return p, fmt.Errorf("none of %d pictures could be read; the first of this step: %w", n, b.bad.of(p))
}

// make makes the batch of a step, a function of the seed and the step alone.
func (b *batches) make(step int) *batch {
	rng := stream(b.recipe.Seed, streamStep, uint64(step))
	size := 3 * b.recipe.ImageSize * b.recipe.ImageSize
	out := &batch{step: step, images: make([]float32, b.recipe.Batch*size)}
	prompts := make([][]int32, 0, b.recipe.Batch)
	rgb := make([]byte, size)
	taken := map[string]bool{}
	for i, picture := range b.pictures(step) {
		var p int
		if p, out.err = b.read(int(picture), rgb, &out.skipped); out.err != nil {
			return out
		}
		b.augment.into(out.images[i*size:(i+1)*size], rgb, b.corpus.pairs.Kind(p), rng)
		prompts = append(prompts, choose(b.corpus.captions[p], taken, rng))
	}
	size = b.recipe.part()
	for at := 0; at < len(prompts) && out.err == nil; at += size {
		var t *text.Trie
		t, out.err = text.NewTrie(prompts[at : at+size])
		out.tries = append(out.tries, t)
	}
	return out
}

// nodes is the number of nodes of all tries.
func (b *batch) nodes() (n int) {
	for _, t := range b.tries {
		n += t.Len()
	}
	return n
}

// choose draws a caption, one that no other picture of the batch has if there
// is such: a second picture with the same caption counts as a wrong one.
func choose(captions [][]int32, taken map[string]bool, rng *rand.Rand) []int32 {
	first := rng.IntN(len(captions))
	for i := range captions {
		c := captions[(first+i)%len(captions)]
		if k := key(c); !taken[k] {
			taken[k] = true
			return c
		}
	}
	return captions[first]
}

func key(tokens []int32) string {
	b := make([]byte, 0, 2*len(tokens))
	for _, t := range tokens {
		b = append(b, byte(t), byte(t>>8))
	}
	return string(b)
}

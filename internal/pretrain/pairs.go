package pretrain

import (
	"fmt"

	"clipcalib/internal/pairs"
	"clipcalib/text"
)

// corpus is the pairs with their captions tokenized, and the vocabulary that
// occurs in them.
type corpus struct {
	pairs    pairs.Pairs
	captions [][][]int32 // picture -> caption -> tokens
	vocab    []int32     // row of the trained embedding -> token, ascending
	rows     []int32     // token -> row, -1 if it does not occur
	order    []int32     // pictures of an epoch, some more than once
}

func newCorpus(p pairs.Pairs, r Recipe) (*corpus, error) {
	if p.Size() != r.ImageSize {
		return nil, fmt.Errorf("pictures are %d pixels wide, the recipe's image_size is %d", p.Size(), r.ImageSize)
	}
	c := &corpus{pairs: p, rows: make([]int32, text.VocabSize)}
	tokenizer := text.NewTokenizer()
	known := map[string][]int32{}
	for i := range p.Len() {
		captions, err := p.Captions(i)
		if err != nil {
			return nil, err
		}
		tokens := make([][]int32, len(captions))
		for j, s := range captions {
			if known[s] == nil {
				known[s] = tokenizer.TokensTruncated(s)
			}
			tokens[j] = known[s]
		}
		c.captions = append(c.captions, tokens)
		copies := 1
		switch p.Kind(i) {
		case pairs.Coloured:
			copies = r.Coloured
		case pairs.Emoji:
			copies = r.Emoji
		}
		for range copies {
			c.order = append(c.order, int32(i))
		}
	}
	if len(c.order) < r.Batch {
		return nil, fmt.Errorf("%d pairs do not fill a batch of %d", len(c.order), r.Batch)
	}
	for _, tokens := range known {
		for _, t := range tokens {
			c.rows[t] = 1
		}
	}
	for t, occurs := range c.rows {
		c.rows[t] = -1
		if occurs == 1 {
			c.rows[t] = int32(len(c.vocab))
			c.vocab = append(c.vocab, int32(t))
		}
	}
	return c, nil
}

// row is the row of the trained embedding that holds a token, -1 for one that
// training never saw, which embeds to zero.
func (c *corpus) row(token int32) int32 { return c.rows[token] }

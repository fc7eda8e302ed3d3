package features

import (
	"context"
	"slices"

	"clipcalib/internal/bank"
	"clipcalib/internal/data"
)

// Part is one of the parts that a set is encoded in.
type Part struct {
	Set         *data.Set
	Views       Views
	Fingerprint string // of the whole set's pictures
	ShardRows   int    // 0 means the bank's default
	Part, Parts int
}

// Encode fills the part's share of the bank, and says how many pictures and views
// it encoded, and what could not be read.
func (s Source) Encode(ctx context.Context, p Part) (encoded int, unreadable []data.LeftOut, err error) {
	key := bank.Key{Weights: s.Weights, Preprocessing: s.Preprocessing(p.Views), Images: p.Fingerprint}
	b, err := bank.Open(s.Bank, key, len(p.Set.Items), p.ShardRows)
	if err != nil {
		return 0, nil, err
	}
	bad := map[int]error{}
	filled, err := b.Fill(ctx, s.encoder(p.Set, p.Views, bad), bank.FillOptions{Width: s.Model.Images.Dim(),
		Views: max(p.Views.Count, 1), Part: p.Part, Parts: p.Parts, Progress: s.Progress})
	if err != nil {
		return 0, nil, err
	}
	var items []int
	for i := range bad {
		items = append(items, i)
	}
	slices.Sort(items)
	for _, i := range items {
		unreadable = append(unreadable, p.Set.Unreadable(i, bad[i]))
	}
	return filled.Encoded, unreadable, nil
}

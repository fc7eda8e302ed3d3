package bank

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"

	"clipcalib/adapt"
)

// Item is one image in one view: view 0 is the first pass over the images.
type Item struct{ Image, View int }

// Encode returns the features of items, one row each, and the places in items
// of images that could not be read; the rows of those are not looked at. An
// error stops the filling.
type Encode func(ctx context.Context, items []Item) (rows adapt.Matrix, failed []int, err error)

// FillOptions says which part of a bank to fill.
type FillOptions struct {
	Views int // 0 means 1
	Batch int // items handed to Encode at once; 0 means 64

	// Part of Parts: this process takes every Parts-th shard, from Part on.
	// The zero values mean all.
	Part, Parts int

	// Progress, unless nil, is told how many items of this part are done.
	Progress func(done, total int)
}

// Report is what a filling did.
type Report struct {
	Found   int      // items that were there
	Encoded int      // items encoded now
	Failed  []Item   // items whose image could not be read
	Remade  []string // shards that were damaged, and what was wrong
}

// Fill encodes what the bank lacks, shard by shard. Items that failed in an
// earlier run are tried again.
func (b *Bank) Fill(ctx context.Context, encode Encode, o FillOptions) (Report, error) {
	var r Report
	o.Views, o.Batch, o.Parts = max(o.Views, 1), orElse(o.Batch, 64), max(o.Parts, 1)
	if o.Part < 0 || o.Part >= o.Parts || o.Batch < 1 {
		return r, fmt.Errorf("fill feature bank: part %d of %d, batches of %d", o.Part, o.Parts, o.Batch)
	}
	var todo []shard
	total := 0
	for i := range o.Views * b.shards() {
		if i%o.Parts == o.Part {
			sh := b.shard(i/b.shards(), i%b.shards())
			todo = append(todo, sh)
			total += sh.n
		}
	}
	done := 0
	for _, sh := range todo {
		start := done
		err := b.fillShard(ctx, sh, encode, o.Batch, &r, func(n int) {
			if o.Progress != nil {
				o.Progress(start+n, total)
			}
		})
		if err != nil {
			return r, fmt.Errorf("fill feature bank: %w", err)
		}
		done += sh.n
	}
	return r, nil
}

func (b *Bank) fillShard(ctx context.Context, sh shard, encode Encode, batch int, r *Report, progress func(int)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c, err := b.read(sh)
	missing := c.failed
	if err != nil {
		if _, statErr := os.Stat(sh.path); !errors.Is(statErr, os.ErrNotExist) {
			r.Remade = append(r.Remade, err.Error())
		}
		c, missing = content{}, nil
		for i := range sh.n {
			missing = append(missing, i)
		}
	}
	r.Found += sh.n - len(missing)
	c.failed = nil
	for at := 0; at < len(missing); at += batch {
		part := missing[at:min(at+batch, len(missing))]
		if err := encodeInto(ctx, &c, sh, part, encode); err != nil {
			return err
		}
		progress(sh.n - len(missing) + at + len(part))
	}
	for _, i := range c.failed {
		r.Failed = append(r.Failed, Item{Image: sh.from + i, View: sh.view})
	}
	r.Encoded += len(missing) - len(c.failed)
	if len(missing) == 0 || (err == nil && len(c.failed) == len(missing)) {
		progress(sh.n)
		return nil // nothing new
	}
	return b.write(sh, c)
}

// encodeInto encodes some rows of a shard into its content.
func encodeInto(ctx context.Context, c *content, sh shard, rows []int, encode Encode) error {
	items := make([]Item, len(rows))
	for i, row := range rows {
		items[i] = Item{Image: sh.from + row, View: sh.view}
	}
	m, failed, err := encode(ctx, items)
	if err != nil {
		return err
	}
	if m.Rows != len(rows) || m.Cols < 1 || len(m.Data) != m.Rows*m.Cols {
		return fmt.Errorf("encoding %d images gave features of shape [%d, %d]", len(rows), m.Rows, m.Cols)
	}
	if c.features.Data == nil {
		c.features = adapt.NewMatrix(sh.n, m.Cols)
	}
	if m.Cols != c.features.Cols {
		return fmt.Errorf("features are %d wide, others of shard %s are %d", m.Cols, sh.path, c.features.Cols)
	}
	bad := map[int]bool{}
	for _, i := range failed {
		if i < 0 || i >= len(rows) {
			return fmt.Errorf("encoder reports failed item %d of %d", i, len(rows))
		}
		bad[i] = true
	}
	for i, row := range rows {
		if bad[i] {
			clear(c.features.Row(row))
			c.failed = append(c.failed, row)
			continue
		}
		for j, v := range m.Row(i) {
			if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
				return fmt.Errorf("image %d: feature %d is %v; the weights or the image are broken", sh.from+row, j, v)
			}
		}
		copy(c.features.Row(row), m.Row(i))
	}
	return nil
}

func orElse(v, other int) int {
	if v == 0 {
		return other
	}
	return v
}

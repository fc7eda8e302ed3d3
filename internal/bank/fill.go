package bank

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"clipcalib/adapt"
	"clipcalib/internal/gate"
)

// Item is one image in one view: view 0 is the first pass over the images.
type Item struct{ Image, View int }

// Encode encodes items and hands each one's feature over as it comes, in any
// order; a nil row stands for an image that could not be read. It stops at an
// error of put. All that is missing is handed to one call, so that an encoder
// that works ahead never runs dry.
type Encode func(ctx context.Context, items []Item, put func(i int, row []float32) error) error

// FillOptions says which part of a bank to fill.
type FillOptions struct {
	Width int // of a feature
	Views int // 0 means 1

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

// filling is a bank being filled.
type filling struct {
	b       *Bank
	options FillOptions
	report  Report
	places  []place // of the items to encode
	done    int     // items, of total
	total   int
}

// place is a row of a shard.
type place struct {
	in  *openShard // nil once the row is accounted for
	row int
}

// openShard is a shard with rows to encode.
type openShard struct {
	shard
	content
	left     int  // rows not accounted for
	begun    bool // its file holds the other rows
	improved bool // it has something that the file does not
}

// Fill encodes what the bank lacks and writes every shard as soon as it is
// whole. When it ends with an error, shards that are not whole keep what they
// have. Items that failed in an earlier run are tried again.
func (b *Bank) Fill(ctx context.Context, encode Encode, o FillOptions) (Report, error) {
	o.Views, o.Parts = max(o.Views, 1), max(o.Parts, 1)
	if o.Part < 0 || o.Part >= o.Parts || o.Width < 1 {
		return Report{}, fmt.Errorf("fill feature bank: part %d of %d, features of length %d", o.Part, o.Parts, o.Width)
	}
	f := &filling{b: b, options: o}
	err := ctx.Err()
	if err == nil {
		err = f.run(ctx, encode)
	}
	if err != nil {
		return f.report, fmt.Errorf("fill feature bank: %w", err)
	}
	return f.report, nil
}

func (f *filling) run(ctx context.Context, encode Encode) error {
	items := f.find()
	f.progress()
	if len(items) == 0 {
		return nil
	}
	err := encode(ctx, items, f.put)
	if err == nil {
		err = f.checkAll()
	}
	if err != nil {
		return errors.Join(err, f.keep())
	}
	slices.SortFunc(f.report.Failed, func(a, b Item) int { return (a.View-b.View)*f.b.images + a.Image - b.Image })
	return nil
}

// find lists the items that are missing, and where they go.
func (f *filling) find() (items []Item) {
	o, n := f.options, f.b.shards()
	for i := range o.Views * n {
		if i%o.Parts != o.Part {
			continue
		}
		s := &openShard{shard: f.b.shard(i/n, i%n)}
		rows := f.look(s)
		s.left = len(rows)
		f.total += s.n
		f.done += s.n - len(rows)
		f.report.Found += s.n - len(rows)
		for _, row := range rows {
			items = append(items, Item{Image: s.from + row, View: s.view})
			f.places = append(f.places, place{s, row})
		}
	}
	return items
}

// look reads what there is of a shard and returns the rows that are missing.
func (f *filling) look(s *openShard) (rows []int) {
	c, err := f.b.read(s.shard)
	if err == nil && c.features.Cols != f.options.Width {
		err = fmt.Errorf("%s holds features of length %d, not %d", s.path, c.features.Cols, f.options.Width)
	}
	if err == nil {
		rows = append(c.failed, c.missing...)
		slices.Sort(rows)
		s.begun, s.improved = true, len(c.missing) > 0 // even by failures
		return rows
	}
	if _, gone := os.Stat(s.path); !errors.Is(gone, os.ErrNotExist) {
		f.report.Remade = append(f.report.Remade, err.Error())
	}
	s.improved = true // even by failures alone
	for i := range s.n {
		rows = append(rows, i)
	}
	return rows
}

// put takes the feature of an item.
func (f *filling) put(i int, row []float32) error {
	if i < 0 || i >= len(f.places) || f.places[i].in == nil {
		return fmt.Errorf("the encoder hands over item %d of %d, or hands it over twice", i, len(f.places))
	}
	s, at := f.places[i].in, f.places[i].row
	if err := f.begin(s); err != nil {
		return err
	}
	if row == nil {
		s.failed = append(s.failed, at)
		f.report.Failed = append(f.report.Failed, Item{Image: s.from + at, View: s.view})
	} else {
		if err := f.check(row, s.from+at); err != nil {
			return err
		}
		copy(s.features.Row(at), row)
		s.improved = true
		f.report.Encoded++
	}
	f.places[i].in = nil
	f.done++
	f.progress()
	if s.left--; s.left > 0 {
		return nil
	}
	return f.write(s)
}

// begin brings a shard's features to memory, when its first row comes.
func (f *filling) begin(s *openShard) error {
	switch {
	case s.features.Data != nil:
	case s.begun:
		c, err := f.b.read(s.shard)
		s.features = c.features
		return err
	default:
		s.features = adapt.NewMatrix(s.n, f.options.Width)
	}
	return nil
}

// check refuses a feature that is none.
func (f *filling) check(row []float32, image int) error {
	if len(row) != f.options.Width {
		return fmt.Errorf("image %d: a feature of length %d, not %d", image, len(row), f.options.Width)
	}
	if err := gate.Finite(fmt.Sprintf("image %d", image), row, 0); err != nil {
		return fmt.Errorf("%w; the weights or the image are broken", err)
	}
	return nil
}

// checkAll reports an item that was never handed over.
func (f *filling) checkAll() error {
	for i, p := range f.places {
		if p.in != nil {
			return fmt.Errorf("the encoder left out item %d of %d", i, len(f.places))
		}
	}
	return nil
}

// write writes a shard that has something new, and forgets its content.
func (f *filling) write(s *openShard) error {
	defer func() { s.content = content{} }()
	if !s.improved {
		return nil
	}
	slices.Sort(s.failed)
	return f.b.write(s.shard, s.content)
}

// keep writes the shards that are not whole but have something new.
func (f *filling) keep() error {
	var begun []*openShard
	for _, p := range f.places {
		if s := p.in; s != nil && s.improved && s.features.Data != nil {
			if len(s.missing) == 0 {
				begun = append(begun, s)
			}
			s.missing = append(s.missing, p.row)
		}
	}
	var err error
	for _, s := range begun {
		err = errors.Join(err, f.write(s))
	}
	return err
}

func (f *filling) progress() {
	if f.options.Progress != nil {
		f.options.Progress(f.done, f.total)
	}
}

package tiff

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Tags that are read.
const (
	tWidth        = 256
	tHeight       = 257
	tBits         = 258
	tCompression  = 259
	tPhotometric  = 262
	tFillOrder    = 266
	tStripOffsets = 273
	tOrientation  = 274
	tSamples      = 277
	tRowsPerStrip = 278
	tStripCounts  = 279
	tPlanar       = 284
	tFaxOptions   = 292
	tPredictor    = 317
	tColourMap    = 320
	tTileWidth    = 322
	tTileHeight   = 323
	tTileOffsets  = 324
	tTileCounts   = 325
	tExtra        = 338
	tFormat       = 339
	tJPEGTables   = 347
)

// ErrTruncated says that the file ends before its picture does.
var ErrTruncated = errors.New("file is truncated")

// directory holds a picture's tags.
type directory struct {
	data   []byte
	order  binary.ByteOrder
	fields map[int]field
	lost   map[int]bool // tags whose values do not fit the file, or of a kind that is not known
	short  bool         // the file ends among the tags
}

type field struct {
	kind  int
	count int
	body  []byte
}

// sizes of the kinds of values.
var sizes = map[int]int{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}

// parse reads the tags of the first picture. Tags that do not fit the file are
// left out, as Pillow leaves them out.
func parse(data []byte) (*directory, error) {
	if len(data) < 8 {
		return nil, ErrTruncated
	}
	d := &directory{data: data, order: binary.LittleEndian, fields: map[int]field{}, lost: map[int]bool{}}
	if data[0] == 'M' {
		d.order = binary.BigEndian
	}
	big := data[2] == 43
	at := uint64(d.order.Uint32(data[4:]))
	word, entry, inline := 2, 12, 4
	if big {
		if len(data) < 16 {
			return nil, ErrTruncated
		}
		at, word, entry, inline = d.order.Uint64(data[8:]), 8, 20, 8
	}
	if at == 0 || at > uint64(len(data)-word) {
		return nil, errors.New("no picture in it, or file is truncated")
	}
	rest := data[at:]
	n := uint64(d.order.Uint16(rest))
	if big {
		n = d.order.Uint64(rest)
	}
	rest = rest[word:]
	budget := len(data)
	for ; n > 0 && len(rest) >= entry; n-- {
		if !d.entry(rest[:entry], inline, &budget) {
			break
		}
		rest = rest[entry:]
	}
	d.short = n > 0
	return d, nil
}

// entry reads one tag; it reports false where the tags cannot be gone on with.
func (d *directory) entry(b []byte, inline int, budget *int) bool {
	tag, kind := int(d.order.Uint16(b)), int(d.order.Uint16(b[2:]))
	size, ok := sizes[kind]
	if _, taken := d.fields[tag]; taken || !ok {
		d.lost[tag] = d.lost[tag] || !ok
		return true
	}
	count := uint64(d.order.Uint32(b[4:]))
	if inline == 8 {
		count = d.order.Uint64(b[4:])
	}
	if count == 0 || count > math.MaxInt32 {
		return true
	}
	total := int(count) * size
	body := b[len(b)-inline:]
	if total > inline {
		at := uint64(d.order.Uint32(body))
		if inline == 8 {
			at = d.order.Uint64(body)
		}
		if total > *budget {
			d.lost[tag] = true
			return true
		}
		*budget -= total
		if at > uint64(len(d.data)) || total > len(d.data)-int(at) {
			d.lost[tag] = true
			return false
		}
		body = d.data[at:]
	}
	d.fields[tag] = field{kind, int(count), body[:total]}
	return true
}

// ints returns a tag's values, nil where it is absent or not of integers.
func (d *directory) ints(tag int) []int {
	f, ok := d.fields[tag]
	if !ok {
		return nil
	}
	out := make([]int, f.count)
	for i := range out {
		b := f.body[i*sizes[f.kind]:]
		switch f.kind {
		case 1, 7:
			out[i] = int(b[0])
		case 6:
			out[i] = int(int8(b[0]))
		case 3:
			out[i] = int(d.order.Uint16(b))
		case 8:
			out[i] = int(int16(d.order.Uint16(b)))
		case 4, 13:
			out[i] = int(d.order.Uint32(b))
		case 9:
			out[i] = int(int32(d.order.Uint32(b)))
		case 16:
			out[i] = int(min(d.order.Uint64(b), math.MaxInt64))
		default:
			return nil
		}
	}
	return out
}

// one returns a tag's first value, or the default where the tag is absent.
func (d *directory) one(tag, without int) int {
	if v := d.ints(tag); len(v) > 0 {
		return v[0]
	}
	return without
}

// single are the tags of one integer.
var single = []int{
	tWidth, tHeight, tCompression, tPhotometric, tFillOrder, tSamples, tRowsPerStrip, tPlanar, tTileWidth, tTileHeight,
}

// check refuses tags of kinds that Pillow does not take for integers and, of
// compressed files, what libtiff refuses: values outside the file, several
// where there is one, planes of an unknown arrangement.
func (d *directory) check(compressed bool) error {
	for _, tag := range single {
		f, ok := d.fields[tag]
		if ok && (f.kind == 1 || f.kind == 7 || d.ints(tag) == nil) {
			return fmt.Errorf("tag %d has values of kind %d", tag, f.kind)
		}
		if compressed && (ok && f.count != 1 || d.lost[tag]) {
			return fmt.Errorf("tag %d has several values, want one", tag)
		}
	}
	if !compressed {
		return nil
	}
	if d.short || d.ints(tStripCounts) == nil && d.ints(tTileCounts) == nil {
		return ErrTruncated
	}
	for _, tag := range []int{tBits, tStripOffsets, tStripCounts, tTileOffsets, tTileCounts} {
		if d.lost[tag] {
			return ErrTruncated
		}
	}
	if p := d.one(tPlanar, 1); p != 1 && p != 2 {
		return fmt.Errorf("arrangement of planes %d is not known", p)
	}
	return nil
}

// size is the stored picture's size, before its orientation is applied.
func (d *directory) size() (w, h int, err error) {
	w, h = d.one(tWidth, 0), d.one(tHeight, 0)
	if w <= 0 || h <= 0 || w > math.MaxInt32 || h > math.MaxInt32 {
		return 0, 0, fmt.Errorf("picture of %d x %d pixels", w, h)
	}
	return w, h, nil
}

// Match reports whether a file starts as a TIFF does.
func Match(head []byte) bool {
	if len(head) < 4 {
		return false
	}
	switch string(head[:4]) {
	case "MM\x00\x2a", "II\x2a\x00", "MM\x2a\x00", "II\x00\x2a", "MM\x00\x2b", "II\x2b\x00":
		return true
	}
	return false
}

package tiff

// extent is how far the pages of a file reach.
type extent struct {
	data                []byte
	end                 int
	word, entry, inline uint64 // bytes of a page's number of tags, of a tag, of a value in it
	budget              int    // bytes that pages may still have: they may refer to each other
}

// End is the length of a file with all that its pages refer to, or of data where that
// is not known.
func End(data []byte) int {
	d, err := parse(data)
	if err != nil || len(d.lost) > 0 || d.short {
		return len(data)
	}
	e := extent{data, 8, 2, 12, 4, len(data)}
	at := uint64(d.order.Uint32(data[4:]))
	if data[2] == 43 { // of 64 bits, as parse has it
		e = extent{data, 16, 8, 20, 8, len(data)}
		at = d.order.Uint64(data[8:])
	}
	for at != 0 {
		var ok bool
		if at, ok = e.page(d, at); !ok {
			return len(data)
		}
	}
	return e.end
}

// cover notes that a page refers to bytes; it is false where the file lacks them.
func (e *extent) cover(at, size uint64) bool {
	if n := uint64(len(e.data)); at > n || size > n-at {
		return false
	}
	e.end = max(e.end, int(at+size))
	return true
}

func (e *extent) number(d *directory, at, size uint64) uint64 {
	switch size {
	case 2:
		return uint64(d.order.Uint16(e.data[at:]))
	case 4:
		return uint64(d.order.Uint32(e.data[at:]))
	}
	return d.order.Uint64(e.data[at:])
}

// page covers a page and tells where the next one is.
func (e *extent) page(first *directory, at uint64) (next uint64, ok bool) {
	if !e.cover(at, e.word) {
		return 0, false
	}
	n := e.number(first, at, e.word)
	if n > uint64(len(e.data)) || !e.cover(at, e.word+n*e.entry+e.inline) {
		return 0, false
	}
	if e.budget -= int(e.word + n*e.entry + e.inline); e.budget < 0 {
		return 0, false
	}
	d := &directory{data: e.data, order: first.order, fields: map[int]field{}, lost: map[int]bool{}}
	for i := range n {
		tag := at + e.word + i*e.entry
		if !d.entry(e.data[tag:tag+e.entry], int(e.inline), &e.budget) {
			return 0, false
		}
		size := uint64(sizes[int(d.order.Uint16(e.data[tag+2:]))]) * min(e.number(d, tag+4, e.inline), 1<<40)
		if size > e.inline && !e.cover(e.number(d, tag+4+e.inline, e.inline), size) {
			return 0, false
		}
	}
	for _, pair := range [][2]int{{tStripOffsets, tStripCounts}, {tTileOffsets, tTileCounts}} {
		offsets, counts := d.ints(pair[0]), d.ints(pair[1])
		if len(offsets) != len(counts) {
			return 0, false
		}
		for i, from := range offsets {
			if from < 0 || counts[i] < 0 || !e.cover(uint64(from), uint64(counts[i])) {
				return 0, false
			}
		}
	}
	return e.number(d, at+e.word+n*e.entry, e.inline), true
}

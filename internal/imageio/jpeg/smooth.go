package jpeg

// Where a progressive file lacks scans, libjpeg (jdcoefct.c) estimates the
// first coefficients of a block from the averages (direct-current values) of
// the 5 x 5 blocks around it, so that the picture is smooth rather than in
// squares.

// weights of the 5 x 5 averages, in 256ths.
type weights [5][5]int64

func (w weights) transposed() (t weights) {
	for y := range w {
		for x := range w {
			t[x][y] = w[y][x]
		}
	}
	return t
}

// The weights that estimate a coefficient, by its place in zigzag order; 0 is
// the average itself. alone holds where nothing but averages is known,
// together where other coefficients are, which then are estimated up to the
// fifth.
var alone, together = func() (alone, together [10]weights) {
	edge, middle := [5]int64{-1, -1, 0, 1, 1}, [5]int64{-3, 13, 0, -13, 3}
	alone[0] = weights{{-2, -6, -8, -6, -2}, {-6, 6, 42, 6, -6}, {-8, 42, 152, 42, -8}, {-6, 6, 42, 6, -6},
		{-2, -6, -8, -6, -2}}
	alone[1] = weights{edge, middle, {-3, 38, 0, -38, 3}, middle, edge}
	alone[2] = alone[1].transposed()
	alone[3] = weights{{0, 0, 1}, {0, 2, 7, 2}, {0, -5, -14, -5}, {0, 2, 7, 2}, {0, 0, 1}}
	alone[4] = weights{{-1, 0, 0, 0, 1}, {0, 9, 0, -9}, {}, {0, -9, 0, 9}, {1, 0, 0, 0, -1}}
	alone[5] = alone[3].transposed()
	alone[6] = weights{1: {0, 1, 0, -1}, 2: {0, 2, 0, -2}, 3: {0, 1, 0, -1}}
	alone[7] = weights{1: {0, 1, -3, 1}, 3: {0, -1, 3, -1}}
	alone[8] = alone[7].transposed()
	alone[9] = alone[6].transposed()
	together[1] = weights{2: {-7, 50, 0, -50, 7}}
	together[2] = together[1].transposed()
	together[3] = weights{{0, 0, -1}, {0, 0, 13}, {0, 0, -24}, {0, 0, 13}, {0, 0, -1}}
	together[4] = weights{{0, -1, 0, 1}, {-1, 10, 0, -10, 1}, {}, {1, -10, 0, 10, -1}, {0, 1, 0, -1}}
	together[5] = together[3].transposed()
	return alone, together
}()

// wantsSmoothing reports whether coefficients that could be estimated are not
// known exactly.
func (d *decoder) wantsSmoothing() bool {
	useful := false
	for i := range d.comps {
		c := &d.comps[i]
		if !c.hasQuant || c.bits[0] < 0 {
			return false
		}
		for k, q := range c.quant[:10] {
			if q == 0 {
				return false
			}
			useful = useful || k > 0 && c.bits[k] != 0
		}
	}
	return useful
}

// window estimates coefficients along one row of blocks.
type window struct {
	c    *component
	rows [5]int // of the blocks around, from two above to two below
	bits [10]int
	dc   bool // averages are estimated too
}

// window is the window of row by. Rows are counted as libjpeg counts them,
// which in the last row of coding units depends on how many of its rows hold
// picture.
func (d *decoder) window(c *component, by int) window {
	w := window{c: c, dc: true}
	unitRow := by / c.v
	perUnit := c.v
	if unitRow == d.mcusY-1 && c.blocksY%c.v != 0 {
		perUnit = c.blocksY % c.v
	}
	row, rows := unitRow*perUnit+by%c.v, perUnit*d.mcusY
	w.rows = [5]int{by, by, by, by, by}
	if row > 0 {
		w.rows[0], w.rows[1] = by-1, by-1
	}
	if row > 1 {
		w.rows[0] = by - 2
	}
	if row < rows-1 {
		w.rows[3], w.rows[4] = by+1, by+1
	}
	if row < rows-2 {
		w.rows[4] = by + 2
	}
	copy(w.bits[:], c.bits[:])
	if unitRow > d.lastGood {
		copy(w.bits[1:], c.bitsBefore[1:])
		if d.scans <= 1 {
			w.bits = [10]int{0, -1, -1, -1, -1, -1, -1, -1, -1, -1}
		}
	}
	for _, b := range w.bits[1:] {
		w.dc = w.dc && b == -1
	}
	return w
}

// estimate fills in the coefficients of block bx of the row.
func (w *window) estimate(bx int, b *[64]int16) {
	tables, last := &together, 5
	if w.dc {
		tables, last = &alone, 9
	}
	var averages weights
	for y, row := range w.rows {
		for x := range 5 {
			averages[y][x] = int64(w.c.block(min(max(bx+x-2, 0), w.c.blocksX-1), row)[0])
		}
	}
	for k := 1; k <= last; k++ {
		if at := zigzag[k]; w.bits[k] != 0 && b[at] == 0 {
			b[at] = w.predict(&tables[k], &averages, k)
		}
	}
	if w.dc {
		b[0] = w.predict(&tables[0], &averages, 0)
	}
}

// predict is a weighted sum of averages in units of coefficient k, rounded,
// and less than what the bits known of it would show.
func (w *window) predict(t, averages *weights, k int) int16 {
	sum := int64(0)
	for y := range t {
		for x := range t[y] {
			sum += t[y][x] * averages[y][x]
		}
	}
	sum *= int64(w.c.quant[0])
	q := int64(w.c.quant[k])
	size := (q<<7 + max(sum, -sum)) / (q << 8)
	if k > 0 && w.bits[k] > 0 {
		size = min(size, 1<<w.bits[k]-1)
	}
	if sum < 0 {
		size = -size
	}
	return int16(size)
}

package jpeg

import (
	"errors"
	"fmt"
)

// Raw is a decoded picture whose samples were not converted, or only from
// YCbCr to RGB.
type Raw struct {
	Width, Height, Samples int
	decoder                *decoder
	convert                bool
	buffers                [][]byte
	line                   []byte
}

// DecodeRaw decodes a JPEG inside another format, of at most so many pixels.
// tables, which may be nil, is a file of tables that comes before it. Three
// components are converted from YCbCr to RGB where asked to, whatever the
// file's own markers say.
func DecodeRaw(tables, data []byte, pixels int, fromYCbCr bool) (*Raw, error) {
	d := decoder{data: tables}
	if len(tables) > 0 {
		if err := d.segments(); !errors.Is(err, errTablesOnly) {
			return nil, fmt.Errorf("tables: %w", err)
		}
	}
	d.data, d.pos, d.unread, d.inner, d.pixels = data, 0, 0, true, pixels
	if err := d.segments(); err != nil {
		return nil, err
	}
	if d.buffered {
		d.reconstruct()
	}
	r := &Raw{Width: d.width, Height: d.height, Samples: len(d.comps), decoder: &d}
	r.convert = fromYCbCr && len(d.comps) == 3
	r.buffers = d.buffers()
	r.line = make([]byte, d.width*len(d.comps))
	return r, nil
}

// Row returns row y, the samples of each pixel side by side; it is valid until
// the next call.
func (r *Raw) Row(y int) []byte {
	for i := range r.decoder.comps {
		row := r.decoder.comps[i].row(y, r.buffers[i])[:r.Width]
		for x, v := range row {
			r.line[x*r.Samples+i] = v
		}
	}
	if r.convert {
		for i := 0; i < len(r.line); i += 3 {
			p := r.line[i : i+3]
			p[0], p[1], p[2] = ycc(p[0], p[1], p[2])
		}
	}
	return r.line
}

package tiff

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"errors"
	"fmt"
	"io"

	"golang.org/x/image/ccitt"
	"golang.org/x/image/tiff/lzw"

	"clipcalib/internal/imageio/jpeg"
)

// Compressions that are read.
const (
	uncompressed = 1
	faxRuns      = 2
	fax3         = 3
	fax4         = 4
	lzwCode      = 5
	jpegNew      = 7
	deflateNew   = 8
	packBits     = 32773
	deflateOld   = 32946
)

// refused names compressions that are not read.
var refused = map[int]string{
	6: "old-style JPEG", 32771: "16-bit padding", 32809: "ThunderScan", 34676: "SGI LogL", 34677: "SGI Log24",
	34925: "LZMA", 50000: "Zstandard", 50001: "WebP",
}

func supported(compression int) error {
	switch compression {
	case uncompressed, faxRuns, fax3, fax4, lzwCode, jpegNew, deflateNew, packBits, deflateOld:
		return nil
	}
	if name, ok := refused[compression]; ok {
		return fmt.Errorf("%s compression is not supported; rewrite it with LZW or deflate", name)
	}
	return fmt.Errorf("compression %d is not known", compression)
}

// expand decompresses rows of size bytes. Memory is taken as the data yields it.
func (r *reader) expand(in []byte, size, rows int) ([]byte, error) {
	total := size * rows
	var source io.Reader
	strict := r.layout.photometric != ycbcr // libtiff's own conversion ignores errors
	switch r.compression {
	case packBits:
		return unpackBits(in, total)
	case lzwCode:
		if len(in) > 1 && in[0] == 0 && in[1]&1 != 0 {
			return nil, errors.New("LZW codes of the old order of bits are not supported")
		}
		source = lzw.NewReader(bytes.NewReader(in), lzw.MSB, 8)
	case deflateNew, deflateOld:
		z, err := zlib.NewReader(bytes.NewReader(in))
		if err != nil {
			return nil, err
		}
		source = z
	default:
		return r.fax(in, size, rows)
	}
	var out bytes.Buffer
	if n, err := io.CopyN(&out, source, int64(total)); n < int64(total) {
		if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = ErrTruncated
		}
		return nil, err
	}
	// An error right after the last byte, as of a checksum, is one to zlib too.
	_, err := io.ReadFull(source, make([]byte, 1))
	var corrupt flate.CorruptInputError
	if strict && (errors.Is(err, zlib.ErrChecksum) || errors.As(err, &corrupt)) {
		return nil, err
	}
	return out.Bytes(), nil
}

// unpackBits undoes run lengths of bytes.
func unpackBits(in []byte, total int) ([]byte, error) {
	out := make([]byte, 0, min(total, 128*len(in)))
	for len(out) < total && len(in) > 0 {
		n := int(int8(in[0]))
		in = in[1:]
		switch {
		case n == -128:
		case n < 0:
			if len(in) == 0 {
				return nil, ErrTruncated
			}
			for range min(1-n, total-len(out)) {
				out = append(out, in[0])
			}
			in = in[1:]
		default:
			n = min(n+1, total-len(out))
			if n > len(in) {
				return nil, ErrTruncated
			}
			out = append(out, in[:n]...)
			in = in[n:]
		}
	}
	if len(out) < total {
		return nil, ErrTruncated
	}
	return out, nil
}

// fax decodes black and white codes; ones are black in the code and follow the
// photometric interpretation here.
func (r *reader) fax(in []byte, size, rows int) ([]byte, error) {
	if r.layout.bits != 1 || r.layout.samples != 1 {
		return nil, errors.New("fax codes of more than one bit a pixel")
	}
	kind := ccitt.Group4
	switch {
	case r.compression == fax3 && r.one(tFaxOptions, 0)&1 != 0:
		return nil, errors.New("two-dimensional Group 3 codes are not supported; rewrite it with Group 4")
	case r.compression == faxRuns:
		return nil, errors.New("CCITT run lengths (compression 2) are not supported; rewrite it with Group 4")
	case r.compression == fax3:
		kind = ccitt.Group3
		in = append(bytes.Clone(in), 0, 0) // the last row need not be followed by an end of line
	}
	source := ccitt.NewReader(bytes.NewReader(in), ccitt.MSB, kind, r.partW, rows, nil)
	out := make([]byte, size*rows)
	if _, err := io.ReadFull(source, out); err != nil {
		return nil, err
	}
	// libtiff's zeros are white, whatever the interpretation says.
	for i := range out {
		out[i] = ^out[i]
	}
	return out, nil
}

// jpegPart decodes part i, a JPEG whose tables may stand in the directory.
func (r *reader) jpegPart(i, x, y, rows int) error {
	in, err := r.stored(i)
	if err != nil {
		return err
	}
	if r.layout.bits != 8 || r.planar && r.layout.samples > 1 {
		return fmt.Errorf("JPEG of %d bits a sample, or of planes, in TIFF is not supported", r.layout.bits)
	}
	part, err := jpeg.DecodeRaw(r.fields[tJPEGTables].body, in, r.partW*r.partH, r.layout.photometric == ycbcr)
	if err != nil {
		return fmt.Errorf("part %d: %w", i, err)
	}
	if part.Samples != r.layout.samples || part.Width < min(r.partW, r.width-x) || part.Height < min(rows, r.height-y) {
		return fmt.Errorf("part %d holds %d x %d pixels of %d samples", i, part.Width, part.Height, part.Samples)
	}
	w := min(r.partW, r.width-x)
	for row := range min(rows, r.height-y) {
		out := r.out.Pix[r.out.PixOffset(x, y+row):][:4*w]
		line := part.Row(row)
		if r.layout.photometric == ycbcr && r.layout.samples == 3 {
			for k := range w {
				set(out, k, line[3*k], line[3*k+1], line[3*k+2])
			}
			continue
		}
		r.layout.convert(out, line)
	}
	return nil
}

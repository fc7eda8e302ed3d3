package jpeg

import "errors"

// conditioning checks the parameters of arithmetic coding, which a file with
// Huffman codes may hold for nothing.
func conditioning(b []byte) error {
	for ; len(b) >= 2; b = b[2:] {
		if b[0] >= 32 || b[0] < 16 && b[1]&15 > b[1]>>4 {
			return errors.New("damaged parameters of arithmetic coding")
		}
	}
	if len(b) != 0 {
		return errors.New("damaged parameters of arithmetic coding")
	}
	return nil
}

// begun checks the segment at pos, which the file cuts short, as far as it goes:
// after a picture that is whole, libjpeg ignores the cut but not an error.
func (d *decoder) begun(marker byte) error {
	rest := d.data[d.pos:]
	if len(rest) < 2 {
		return nil
	}
	n, rest := int(rest[0])<<8|int(rest[1]), rest[2:]
	switch {
	case marker == mDRI && n != 4, isFrameHeader(marker) && d.comps != nil,
		marker == mSOS && len(rest) > 0 && (n != 6+2*int(rest[0]) || rest[0] < 1 || rest[0] > 4):
		return errors.New("segment has a wrong length")
	case marker == mDHT:
		for n -= 2; n > 16 && len(rest) > 16; {
			total := 0
			for _, count := range rest[1:17] {
				total += int(count)
			}
			if n -= 17 + total; total > 256 || n < 0 {
				return errors.New("damaged Huffman table")
			}
			if len(rest) < 17+total {
				break
			}
			if rest[0]&^0x10 > 3 {
				return errors.New("damaged Huffman table")
			}
			rest = rest[17+total:]
		}
	case marker == mDQT:
		for n -= 2; n > 0 && len(rest) > 0; {
			if rest[0]&15 > 3 {
				return errors.New("damaged quantisation table")
			}
			size := 65
			if rest[0]>>4 != 0 {
				size = 129
			}
			n -= size
			rest = rest[min(size, len(rest)):]
		}
	}
	return nil
}

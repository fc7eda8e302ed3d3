package jpeg

import "errors"

// lookBits is the length of code found with one table look-up. It is
// libjpeg's, since where a file ends its reader stops when fewer are left.
const lookBits = 8

// huffman decodes one canonical Huffman code.
type huffman struct {
	defined, built bool
	counts         [16]uint8 // codes of each length
	symbols        [256]uint8
	total          int
	look           [1 << lookBits]uint16 // length<<8 | symbol of short codes, 0 for longer ones
	maxCode        [18]int32             // largest code of each length, -1 for none; the last admits anything
	offset         [18]int32             // position of a length's first symbol less its first code
}

// define takes the number of codes of each length and the symbols.
func (h *huffman) define(counts, symbols []byte) {
	*h = huffman{defined: true, total: len(symbols)}
	copy(h.counts[:], counts)
	copy(h.symbols[:], symbols)
}

var errHuffman = errors.New("damaged Huffman table")

// build makes the tables of a code that a scan uses. A direct-current code has
// no symbol above 15.
func (h *huffman) build(dc bool) error {
	if !h.defined {
		return errors.New("scan uses a Huffman table that is not defined")
	}
	if dc {
		for _, s := range h.symbols[:h.total] {
			if s > 15 {
				return errHuffman
			}
		}
	}
	if h.built {
		return nil
	}
	code, k := int32(0), int32(0)
	for length := 1; length <= 16; length++ {
		n := int32(h.counts[length-1])
		h.offset[length] = k - code
		h.maxCode[length] = -1
		if n > 0 {
			// No code may be all ones.
			if code+n >= 1<<length {
				return errHuffman
			}
			h.maxCode[length] = code + n - 1
		}
		for i := int32(0); i < n && length <= lookBits; i++ {
			first := (code + i) << (lookBits - length)
			for j := range int32(1) << (lookBits - length) {
				h.look[first+j] = uint16(length)<<8 | uint16(h.symbols[k+i])
			}
		}
		code, k = (code+n)<<1, k+n
	}
	h.maxCode[17] = 0xfffff
	h.built = true
	return nil
}

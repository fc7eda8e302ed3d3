package imageio

import "errors"

// lzwBits is the longest code that the table grows to.
const lzwBits = 12

var errLZW = errors.New("damaged data")

// lzwTable holds the strings that codes stand for, as links to their prefixes.
type lzwTable struct {
	link     [1 << lzwBits]uint16
	last     [1 << lzwBits]byte
	clear    int
	next     int // first free code
	size     int // bits of a code
	previous int // code before this, -1 after a clear code
	root     byte
	text     [1 << lzwBits]byte // a string, filled from its end
}

func (t *lzwTable) reset(codeSize int) {
	t.clear = 1 << codeSize
	t.next, t.size, t.previous = t.clear+2, codeSize+1, -1
}

// expand gives the indices of the frame to put until it has enough. Like
// Pillow's decoder, and unlike the standard library's, it reads codes of 0 to
// 12 bits, takes an end code or an empty block for nothing where the file goes
// on, and wants every block that it starts to be whole.
func (f *gifFrame) expand(put func(byte) bool) error {
	t := &lzwTable{}
	t.reset(f.codeSize)
	acc, n, at, left := uint32(0), 0, 0, 0
	for {
		for n < t.size {
			if left > 0 {
				acc |= uint32(f.data[at]) << n
				n, at, left = n+8, at+1, left-1
				continue
			}
			if at >= len(f.data) || at+1+int(f.data[at]) > len(f.data) {
				return errShortGIF
			}
			at, left = at+1, int(f.data[at])
		}
		code := int(acc & (1<<t.size - 1))
		acc, n = acc>>t.size, n-t.size
		switch {
		case code == t.clear:
			t.reset(f.codeSize)
		case code == t.clear+1:
			// Pillow then reads the file's next block of data, which must be there.
			if (at+left+pillowBlock-1)/pillowBlock*pillowBlock >= len(f.data) {
				return errShortGIF
			}
		default:
			text, err := t.string(code)
			if err != nil {
				return err
			}
			for _, v := range text {
				if !put(v) {
					return nil
				}
			}
		}
	}
}

// string returns what a code stands for and enters a new code.
func (t *lzwTable) string(code int) ([]byte, error) {
	if t.previous < 0 {
		if code > t.clear {
			return nil, errLZW
		}
		t.previous, t.root = code, byte(code)
		t.text[0] = t.root
		return t.text[:1], nil
	}
	if code > t.next {
		return nil, errLZW
	}
	at, c := len(t.text), code
	if c == t.next {
		at--
		t.text[at] = t.root
		c = t.previous
	}
	for c >= t.clear {
		if at <= 1 || c >= len(t.link) {
			return nil, errLZW
		}
		at--
		t.text[at] = t.last[c]
		c = int(t.link[c])
	}
	t.root = byte(c)
	at--
	t.text[at] = t.root
	if t.next < len(t.link) {
		t.last[t.next], t.link[t.next] = t.root, uint16(t.previous)
		if t.next == 1<<t.size-1 && t.size < lzwBits {
			t.size++
		}
		t.next++
	}
	t.previous = code
	return t.text[at:], nil
}

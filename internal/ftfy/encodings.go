package ftfy

import (
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// encoding is a one-byte encoding. A sloppy one decodes the bytes it leaves
// unassigned as Latin-1 does, and has U+FFFD in the place of byte 1A, to carry
// characters lost earlier.
type encoding struct {
	name   string
	sloppy bool
	decode [256]rune
	encode map[rune]byte
}

// lostByte is the byte a sloppy encoding has for U+FFFD.
const lostByte = 0x1a

func newEncoding(name string, m *charmap.Charmap, sloppy bool) *encoding {
	e := &encoding{name: name, sloppy: sloppy, encode: make(map[rune]byte, 256)}
	for b := range 256 {
		r := rune(b)
		if b >= utf8.RuneSelf {
			if d := m.DecodeByte(byte(b)); d != utf8.RuneError {
				r = d
			}
		}
		if sloppy && b == lostByte {
			r = utf8.RuneError
		}
		e.decode[b] = r
		e.encode[r] = byte(b)
	}
	return e
}

var (
	latin1      = newEncoding("latin-1", charmap.ISO8859_1, false)
	windows1252 = newEncoding("windows-1252", charmap.Windows1252, true)
	windows1251 = newEncoding("windows-1251", charmap.Windows1251, true)
	windows1250 = newEncoding("windows-1250", charmap.Windows1250, true)
	windows1253 = newEncoding("windows-1253", charmap.Windows1253, true)
	windows1254 = newEncoding("windows-1254", charmap.Windows1254, true)
	windows1257 = newEncoding("windows-1257", charmap.Windows1257, true)
	iso88592    = newEncoding("iso-8859-2", charmap.ISO8859_2, false)
	macRoman    = newEncoding("macroman", charmap.Macintosh, false)
	cp437       = newEncoding("cp437", charmap.CodePage437, false)
)

// encodings are those UTF-8 is tried to have been misread in, in this order.
var encodings = []*encoding{
	latin1, windows1252, windows1251, windows1250, windows1253, windows1254,
	windows1257, iso88592, macRoman, cp437,
}

// bytes returns the bytes that decode to text, false if there are none.
func (e *encoding) bytes(text []rune) ([]byte, bool) {
	out := make([]byte, len(text))
	for i, r := range text {
		b, ok := e.encode[r]
		if !ok {
			return nil, false
		}
		out[i] = b
	}
	return out, true
}

// decodeUTF8 decodes UTF-8 and two variants of it: pairs of encoded surrogates
// (CESU-8) and the two-byte zero of Java. Anything else ill-formed is false.
func decodeUTF8(b []byte) ([]rune, bool) {
	out := make([]rune, 0, len(b))
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size == 1 {
			if r, size = decodeVariant(b); size == 0 {
				return nil, false
			}
		}
		out = append(out, r)
		b = b[size:]
	}
	return out, true
}

// decodeVariant decodes the variant sequence at the start of b; size 0 says
// there is none.
func decodeVariant(b []byte) (r rune, size int) {
	if len(b) >= 2 && b[0] == 0xc0 && b[1] == 0x80 {
		return 0, 2
	}
	if !cesuPair.match(b) {
		return 0, 0
	}
	r = rune(b[1]&0x0f)<<16 | rune(b[2]&0x3f)<<10 | rune(b[4]&0x0f)<<6 | rune(b[5]&0x3f)
	return r + 0x10000, 6
}

package ftfy

// byteSet is a set of bytes.
type byteSet [256]bool

// bytesIn returns the set of the single bytes and inclusive ranges in spec:
// pairs of bytes, first and last.
func bytesIn(spec ...byte) *byteSet {
	var s byteSet
	for i := 0; i < len(spec); i += 2 {
		for b := int(spec[i]); b <= int(spec[i+1]); b++ {
			s[b] = true
		}
	}
	return &s
}

// pattern is a sequence of sets that matches one byte each.
type pattern []*byteSet

// match reports whether b starts with p.
func (p pattern) match(b []byte) bool {
	if len(b) < len(p) {
		return false
	}
	for i, set := range p {
		if !set[b[i]] {
			return false
		}
	}
	return true
}

// patterns are alternatives, the first that matches wins.
type patterns []pattern

// matchLen returns the length of the match at the start of b, 0 for none.
func (ps patterns) matchLen(b []byte) int {
	for _, p := range ps {
		if p.match(b) {
			return len(p)
		}
	}
	return 0
}

// replace returns b with every match replaced.
func (ps patterns) replace(b []byte, by func(match []byte) []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); {
		if n := ps.matchLen(b[i:]); n > 0 {
			out = append(out, by(b[i:i+n])...)
			i += n
			continue
		}
		out = append(out, b[i])
		i++
	}
	return out
}

var (
	space        = bytesIn(' ', ' ')
	continuation = bytesIn(0x80, 0xbf)
	// Bytes 85 and A0 are left out where a neighbouring space is in question:
	// they are themselves often taken for spaces.
	surely      = bytesIn(0x80, 0x84, 0x86, 0x9f, 0xa1, 0xbf)
	lost        = bytesIn(lostByte, lostByte)
	lostOrQuery = bytesIn(lostByte, lostByte, '?', '?')
	lostOrCont  = bytesIn(lostByte, lostByte, 0x80, 0xbf)
	anyLost     = bytesIn(lostByte, lostByte, '?', '?', 0x80, 0xbf)
	byteED      = bytesIn(0xed, 0xed)
	highHalf    = bytesIn(0xa0, 0xaf) // second byte of an encoded high surrogate
	lowHalf     = bytesIn(0xb0, 0xbf)
	leads3      = bytesIn(0xe0, 0xef)
	leads4      = bytesIn(0xf0, 0xf4)
	byteF0      = bytesIn(0xf0, 0xf0)
)

// cesuPair is a pair of surrogates, each in three bytes.
var cesuPair = pattern{byteED, highHalf, continuation, byteED, lowHalf, continuation}

// spacedUTF8 matches what would be UTF-8 were the space in it byte A0, the
// no-break space of Latin-1, where the result is a likely character.
var spacedUTF8 = patterns{
	{bytesIn(0xc2, 0xc3, 0xc5, 0xc5, 0xce, 0xce, 0xd0, 0xd0, 0xd9, 0xd9), space},
	{bytesIn(0xe2, 0xe3), space, surely},
	{bytesIn(0xe0, 0xe3), surely, space},
	{byteF0, space, continuation, continuation},
	{byteF0, continuation, space, continuation},
	{byteF0, continuation, continuation, space},
}

// lossyUTF8 matches UTF-8 and CESU-8 in which bytes were lost, and a lost byte
// alone. A question mark may stand for one of them.
var lossyUTF8 = patterns{
	{bytesIn(0xc2, 0xdf), lost},
	{bytesIn(0xc2, 0xc3), bytesIn('?', '?')},
	{byteED, highHalf, lostOrQuery, byteED, lowHalf, anyLost},
	{byteED, highHalf, anyLost, byteED, lowHalf, lostOrQuery},
	{leads3, lostOrQuery, lostOrCont},
	{leads3, lostOrCont, lostOrQuery},
	{leads4, lostOrQuery, lostOrCont, lostOrCont},
	{leads4, lostOrCont, lostOrQuery, lostOrCont},
	{leads4, lostOrCont, lostOrCont, lostOrQuery},
	{lost},
}

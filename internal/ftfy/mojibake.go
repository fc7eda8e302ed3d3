package ftfy

import (
	"bytes"
	"slices"
	"strings"
)

// fixEncoding undoes mojibake, in as many layers as there are.
func fixEncoding(text []rune) []rune {
	for range maxPasses {
		fixed := fixEncodingOnce(text)
		if slices.Equal(fixed, text) {
			break
		}
		text = fixed
	}
	return text
}

// fixEncodingOnce undoes one layer of mojibake. Text that does not look bad is
// returned as it is.
func fixEncodingOnce(text []rune) []rune {
	if isASCII(text) || !isBad(text) {
		return text
	}
	for _, e := range encodings {
		if b, ok := e.bytes(text); ok {
			if fixed, ok := decodeUTF8(restoreBytes(b, e)); ok {
				return fixed
			}
		}
	}
	if fixed := fixEmbedded(text); !slices.Equal(fixed, text) {
		return fixed
	}
	if fixed, ok := latin1AsWindows(text); ok && !slices.Equal(fixed, text) {
		return fixed
	}
	return fixC1Controls(text)
}

// restoreBytes puts back what was lost between the misreading and now: byte A0
// where a space is, and U+FFFD for a sequence with lost bytes.
func restoreBytes(b []byte, e *encoding) []byte {
	// In MacRoman an en dash and a space would match.
	if e != macRoman && containsMatch(spacedUTF8, b) {
		b = restoreA0(b)
	}
	if e.sloppy {
		b = lossyUTF8.replace(b, func([]byte) []byte { return []byte("\ufffd") })
	}
	return b
}

func containsMatch(ps patterns, b []byte) bool {
	for i := range b {
		if ps.matchLen(b[i:]) > 0 {
			return true
		}
	}
	return false
}

// restoreA0 turns the spaces inside would-be UTF-8 into byte A0.
func restoreA0(b []byte) []byte {
	return spacedUTF8.replace(restoreAGrave(b), func(match []byte) []byte {
		return bytes.ReplaceAll(match, []byte{' '}, []byte{0xa0})
	})
}

// restoreAGrave reads byte C3 and a single space as a with grave accent and a
// space: "à" is a word of its own in French and Portuguese, whose space was
// merged with the no-break space. Portuguese words that begin so stay whole.
func restoreAGrave(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		out = append(out, b[i])
		if b[i] != 0xc3 || i+1 == len(b) || b[i+1] != ' ' {
			continue
		}
		rest := string(b[i+2 : min(len(b), i+7)])
		if !slices.ContainsFunc([]string{" ", "quele", "quela", "quilo", "s "}, func(p string) bool {
			return strings.HasPrefix(rest, p)
		}) {
			out = append(out, 0xa0, ' ')
			i++
		}
	}
	return out
}

// fixEmbedded repairs the stretches of text that look like UTF-8 misread,
// where the text as a whole is of more than one encoding.
func fixEmbedded(text []rune) []rune {
	var out []rune
	for i := 0; i < len(text); {
		n := utf8Run(text, i)
		if n == 0 {
			out = append(out, text[i])
			i++
			continue
		}
		run := text[i : i+n]
		// The whole text would come back here for ever.
		if n < len(text) && isBad(run) {
			run = fixEncoding(run)
		}
		out = append(out, run...)
		i += n
	}
	return out
}

// latin1AsWindows reads Latin-1 text as Windows-1252, false if it is not
// Latin-1 or has a byte that Windows-1252 leaves unassigned.
func latin1AsWindows(text []rune) ([]rune, bool) {
	b, ok := latin1.bytes(text)
	if !ok {
		return nil, false
	}
	out := make([]rune, len(b))
	for i, c := range b {
		switch c {
		case 0x81, 0x8d, 0x8f, 0x90, 0x9d:
			return nil, false
		case lostByte: // the sloppy table has U+FFFD here
			out[i] = lostByte
		default:
			out[i] = windows1252.decode[c]
		}
	}
	return out, true
}

// fixC1Controls reads the C1 controls, U+0080 to U+009F, as Windows-1252.
func fixC1Controls(text []rune) []rune {
	isC1 := func(r rune) bool { return r >= 0x80 && r <= 0x9f }
	if !slices.ContainsFunc(text, isC1) {
		return text
	}
	text = slices.Clone(text)
	for i, r := range text {
		if isC1(r) {
			text[i] = windows1252.decode[r]
		}
	}
	return text
}

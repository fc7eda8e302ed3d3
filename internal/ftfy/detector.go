package ftfy

import (
	"strings"
	"sync"
)

// utf8Signs says what UTF-8 byte a character may stand for, when UTF-8 was
// read as Latin-1 or one of the Windows encodings.
type utf8Sign uint8

const (
	firstOf2       utf8Sign = 1 << iota // bytes C2 to DF
	firstOf3                            // bytes E0 to EF
	firstOf4                            // bytes F0 and F3, the only ones of assigned characters
	follower                            // bytes 80 to BF, and a space for A0
	strictFollower                      // follower that hardly stands for itself beside mojibake
)

// looseFollowers are the followers that are common in text: dashes, quotation
// marks, the bullet and the ellipsis.
const looseFollowers = "–—―‘’‚“”„•…"

var utf8Signs = sync.OnceValue(func() map[rune]utf8Sign {
	signs := map[rune]utf8Sign{' ': follower}
	for _, e := range []*encoding{latin1, windows1252, windows1251, windows1250, windows1253, windows1254,
		windows1257} {
		for b := 0x80; b < 0x100; b++ {
			r := e.decode[b]
			switch {
			case b < 0xc0:
				signs[r] |= follower
				if !strings.ContainsRune(looseFollowers, r) {
					signs[r] |= strictFollower
				}
			case b >= 0xc2 && b < 0xe0:
				signs[r] |= firstOf2
			case b >= 0xe0 && b < 0xf0:
				signs[r] |= firstOf3
			case b == 0xf0 || b == 0xf3:
				signs[r] |= firstOf4
			}
		}
	}
	return signs
})

// utf8Run returns the length of the longest run at text[i:] of sequences that
// look like misread UTF-8 characters; 0 if there is none, or if the character
// before shows that one has already begun.
func utf8Run(text []rune, i int) int {
	signs := utf8Signs()
	if i > 0 && signs[text[i-1]]&strictFollower != 0 {
		return 0
	}
	n := 0
	for {
		k := utf8SequenceLen(signs, text[i+n:])
		if k == 0 {
			return n
		}
		n += k
	}
}

// utf8SequenceLen returns the length of the sequence text starts with, 0 if it
// starts with none.
func utf8SequenceLen(signs map[rune]utf8Sign, text []rune) int {
	if len(text) == 0 {
		return 0
	}
	followers := 0
	for followers < 3 && 1+followers < len(text) && signs[text[1+followers]]&follower != 0 {
		followers++
	}
	for k, first := range []utf8Sign{firstOf2, firstOf3, firstOf4} {
		if signs[text[0]]&first != 0 && followers > k {
			return k + 2
		}
	}
	return 0
}

package text

import (
	"bytes"
	"compress/zlib"
	_ "embed"
	"encoding/binary"
	"fmt"
	"io"
	"sync"
)

const (
	byteSymbols = 256   // one symbol for each byte
	numMerges   = 48894 // merges CLIP keeps of the published list
	endOfWord   = "</w>"
)

// mergeData holds the two parts of every merge; vocab/make_vocab.py says how.
//
//go:embed vocab/merges.z
var mergeData []byte

// vocabulary is the immutable table behind every Tokenizer.
type vocabulary struct {
	byteID [byteSymbols]int32 // byte -> id inside a word; + byteSymbols at its end
	merge  map[uint64]int32   // pair of ids -> id of the merged symbol
	symbol [][]byte           // id -> bytes, with "</w>" where a word ends
}

// vocab inflates the merge list on first use.
var vocab = sync.OnceValue(func() *vocabulary {
	v, err := readVocabulary(mergeData)
	if err != nil {
		panic("text: embedded vocabulary: " + err.Error()) // a broken build, not an input
	}
	return v
})

// pairKey packs two symbol ids into a map key.
func pairKey(left, right int32) uint64 { return uint64(left)<<32 | uint64(uint32(right)) }

// byteOrder lists the bytes in vocabulary order: those with a printable
// character of their own in Latin-1 first, then the rest.
func byteOrder() []byte {
	printable := func(b int) bool {
		return b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae
	}
	order := make([]byte, 0, byteSymbols)
	for _, want := range []bool{true, false} {
		for b := range byteSymbols {
			if printable(b) == want {
				order = append(order, byte(b))
			}
		}
	}
	return order
}

func readVocabulary(data []byte) (*vocabulary, error) {
	z, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(z)
	if err != nil {
		return nil, err
	}

	v := &vocabulary{
		merge:  make(map[uint64]int32, numMerges),
		symbol: make([][]byte, 0, VocabSize),
	}
	for i, b := range byteOrder() {
		v.byteID[b] = int32(i)
		v.symbol = append(v.symbol, []byte{b})
	}
	for _, s := range v.symbol[:byteSymbols:byteSymbols] {
		v.symbol = append(v.symbol, append([]byte{s[0]}, endOfWord...))
	}
	next := func() (int32, error) {
		id, n := binary.Uvarint(raw)
		if n <= 0 || id >= uint64(len(v.symbol)) {
			return 0, fmt.Errorf("bad symbol in merge %d", len(v.symbol)-2*byteSymbols)
		}
		raw = raw[n:]
		return int32(id), nil
	}
	text := make([]byte, 0, 1<<19) // of all merged symbols, in one piece
	for range numMerges {
		left, err := next()
		if err != nil {
			return nil, err
		}
		right, err := next()
		if err != nil {
			return nil, err
		}
		v.merge[pairKey(left, right)] = int32(len(v.symbol))
		start := len(text)
		text = append(append(text, v.symbol[left]...), v.symbol[right]...)
		v.symbol = append(v.symbol, text[start:len(text):len(text)])
	}
	v.symbol = append(v.symbol, []byte(startText), []byte(endText))
	return v, nil
}

package text

import (
	"bytes"
	"compress/zlib"
	"testing"
)

func TestBrokenVocabularyIsAnError(t *testing.T) {
	var tooLarge bytes.Buffer
	z := zlib.NewWriter(&tooLarge)
	z.Write([]byte{0xff, 0xff, 0x03, 0x00})
	z.Close()
	for name, data := range map[string][]byte{
		"empty":      nil,
		"not zlib":   []byte("bpe_simple_vocab"),
		"cut short":  mergeData[:len(mergeData)/2],
		"bad symbol": tooLarge.Bytes(),
	} {
		if _, err := readVocabulary(data); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestVocabularyOrder(t *testing.T) {
	v := vocab()
	for id, want := range map[int]string{
		0: "!", 93: "~", 94: "\xa1", 187: "\xff", 188: "\x00", 255: "\xad",
		256: "!</w>", 512: "in", 49405: "jekyll</w>", SOT: startText, EOT: endText,
	} {
		if got := string(v.symbol[id]); got != want {
			t.Errorf("symbol %d is %q, want %q", id, got, want)
		}
	}
}

func BenchmarkReadVocabulary(b *testing.B) {
	for b.Loop() {
		if _, err := readVocabulary(mergeData); err != nil {
			b.Fatal(err)
		}
	}
}

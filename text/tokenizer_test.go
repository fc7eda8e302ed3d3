package text

import (
	"slices"
	"strings"
	"sync"
	"testing"
)

// vectors were computed with OpenAI's simple_tokenizer.py.
var vectors = []struct {
	text string
	ids  []int32
}{
	{"a photo of a cat.", []int32{320, 1125, 539, 320, 2368, 269}},
	{"a photo of a", []int32{320, 1125, 539, 320}},
	{"X X X X", []int32{343, 343, 343, 343}},
	{"a photo of a great white shark.", []int32{320, 1125, 539, 320, 830, 1579, 7980, 269}},
	{"itap of a tench.", []int32{529, 2728, 539, 320, 1149, 634, 269}},
	{"a photo of a 2012 Tesla Model S.", []int32{320, 1125, 539, 320, 273, 271, 272, 273, 12254, 2863, 338, 269}},
	{"a photo of a yellow lady's slipper.", []int32{320, 1125, 539, 320, 4481, 2909, 568, 39644, 269}},
	{"a photo of a jack-o'-lantern.", []int32{320, 1125, 539, 320, 3267, 268, 334, 26152, 17185, 269}},
	{"a photo of a 737-200, a type of aircraft.", []int32{320, 1125, 539, 320, 278, 274, 278, 268, 273, 271, 271, 267,
		320, 3877, 539, 7706, 269}},
	{"a photo of a café.", []int32{320, 1125, 539, 320, 15304, 269}},
	{"&lt;b&gt; &amp;amp; 1234", []int32{283, 321, 285, 261, 272, 273, 274, 275}},
	{"don't they'LL", []int32{847, 713, 889, 1342}},
	{"hello_world", []int32{3306, 318, 1002}},
	{"😀", []int32{7334}},
	{"Zürich 中文 İstanbul", []int32{89, 6522, 4021, 19759, 255, 29032, 485, 328, 16384, 11231}},
	{"<|endoftext|> x", []int32{EOT, 343}},
	{"", nil},
	{" \t\n ", nil},
}

func TestEncodeGivesOpenAIsIDs(t *testing.T) {
	tok := NewTokenizer()
	for _, v := range vectors {
		if got := tok.Encode(v.text); !slices.Equal(got, v.ids) {
			t.Errorf("Encode(%q) = %v, want %v", v.text, got, v.ids)
		}
	}
}

func TestVocabularyHasCLIPsSize(t *testing.T) {
	if VocabSize != 49408 || SOT != 49406 || EOT != 49407 {
		t.Fatalf("vocabulary of %d, start %d, end %d", VocabSize, SOT, EOT)
	}
	if n := len(vocab().symbol); n != VocabSize {
		t.Errorf("%d symbols, want %d", n, VocabSize)
	}
}

func TestHeapAndScanMergeAlike(t *testing.T) {
	v := vocab()
	for _, piece := range []string{"a", "photograph", "antidisestablishmentarianism", strings.Repeat("a", 31),
		strings.Repeat("ab", 15), "中文字符串", "ΑΒΓΔ"} {
		ids := make([]int32, len(piece))
		for i := range len(piece) {
			ids[i] = v.byteID[piece[i]]
		}
		ids[len(ids)-1] += byteSymbols
		long := v.mergeLong(slices.Clone(ids))
		short := ids[:v.mergeShort(ids)]
		if !slices.Equal(short, long) {
			t.Errorf("%q: scan %v, heap %v", piece, short, long)
		}
	}
}

func TestLongPieceIsNotQuadratic(t *testing.T) {
	// A quadratic merge of a million letters would take hours.
	n := len(NewTokenizer().Encode(strings.Repeat("abcdefghij", 100_000)))
	if n == 0 || n > 1_000_000 {
		t.Errorf("%d tokens", n)
	}
}

func TestTokensRefusesWhatTruncationCuts(t *testing.T) {
	tok := NewTokenizer()
	fits := strings.Repeat("cat ", ContextLength-2)
	ids, err := tok.Tokens(fits)
	if err != nil || len(ids) != ContextLength {
		t.Fatalf("75 words: %d tokens, %v", len(ids), err)
	}
	_, err = tok.Tokens(fits + "cat")
	if err == nil || !strings.Contains(err.Error(), "78") || !strings.Contains(err.Error(), "77") ||
		!strings.Contains(err.Error(), "cat cat") {
		t.Errorf("76 words: error %v, want one with the text, 78 and 77", err)
	}
	cut := tok.TokensTruncated(fits + "cat")
	if len(cut) != ContextLength || cut[0] != SOT || cut[76] != EOT || cut[75] != 2368 {
		t.Errorf("truncated to %v", cut)
	}
}

func TestPad77(t *testing.T) {
	padded := Pad77([]int32{SOT, 320, EOT})
	if padded[0] != SOT || padded[2] != EOT || padded[3] != 0 || padded[76] != 0 {
		t.Errorf("padded to %v", padded)
	}
	if cut := Pad77(make([]int32, 100)); cut[76] != EOT {
		t.Errorf("100 ids: last is %d, want %d", cut[76], EOT)
	}
}

func TestDecode(t *testing.T) {
	tok := NewTokenizer()
	for _, c := range []struct {
		ids  []int32
		want string
	}{
		{[]int32{SOT, 320, 1125, 539, 320, 2368, 269, EOT}, "<|startoftext|>a photo of a cat . <|endoftext|>"},
		{tok.Encode("Zürich 中文"), "zürich 中文 "},
		{tok.Encode("don't"), "don 't "},
		{[]int32{-1, VocabSize}, "\ufffd\ufffd"},
		{tok.Encode("😀")[:1], "😀 "},
		{[]int32{tok.v.byteID[0xf0], tok.v.byteID[0x9f], tok.v.byteID['a'], tok.v.byteID[0x80]}, "\ufffda\ufffd"},
	} {
		if got := tok.Decode(c.ids); got != c.want {
			t.Errorf("Decode(%v) = %q, want %q", c.ids, got, c.want)
		}
	}
}

func TestTokenizerIsSafeForConcurrentUse(t *testing.T) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			tok := NewTokenizer()
			for _, v := range vectors {
				if got := tok.Encode(v.text); !slices.Equal(got, v.ids) {
					t.Errorf("Encode(%q) = %v", v.text, got)
				}
			}
		})
	}
	wg.Wait()
}

func TestClassNameWithoutTokensIsAnError(t *testing.T) {
	tok := NewTokenizer()
	for _, name := range []string{"", "  ", "\u200b\u0345"[3:], "&#1;"} {
		if _, err := tok.EncodeClass(name); err == nil {
			t.Errorf("EncodeClass(%q) gave no error", name)
		}
	}
	if ids, err := tok.EncodeClass("cat"); err != nil || len(ids) != 1 {
		t.Errorf("EncodeClass(cat) = %v, %v", ids, err)
	}
}

func FuzzTokenizer(f *testing.F) {
	for _, v := range vectors {
		f.Add(v.text)
	}
	f.Add("\xff\xed\xa0\xbd\xed\xb8\x8d Ã© &#xD800;&amp;lt; '\u017f <|\u017ftartoftext|>")
	tok := NewTokenizer()
	f.Fuzz(func(t *testing.T, s string) {
		ids := tok.Encode(s)
		for _, id := range ids {
			if id < 0 || id >= VocabSize {
				t.Fatalf("id %d outside the vocabulary", id)
			}
		}
		if cut := tok.TokensTruncated(s); len(cut) > ContextLength || cut[len(cut)-1] != EOT {
			t.Fatalf("truncated to %d tokens", len(cut))
		}
		decoded := tok.Decode(ids)
		if !plainASCII(s) {
			return
		}
		squeeze := func(s string) string { return strings.Join(strings.Fields(s), "") }
		if squeeze(decoded) != squeeze(strings.ToLower(s)) {
			t.Fatalf("%q decodes to %q", s, decoded)
		}
	})
}

// plainASCII reports whether cleaning leaves s as it is, case and spacing
// apart.
func plainASCII(s string) bool {
	for i := range len(s) {
		if c := s[i]; c != '\n' && (c < ' ' || c > '~' || c == '&' || c == '<') {
			return false
		}
	}
	return true
}

func BenchmarkEncodeImageNetPrompts(b *testing.B) {
	tok := NewTokenizer()
	prompts := imageNetPrompts(b, TemplateDefault)
	b.ResetTimer()
	for b.Loop() {
		for _, p := range prompts {
			if _, err := tok.Tokens(p); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(len(prompts)*b.N)/b.Elapsed().Seconds(), "prompts/s")
}

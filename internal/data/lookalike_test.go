package data

import (
	"slices"
	"strings"
	"testing"

	"clipcalib/text"
)

func TestLettersThatLookAlikeAreTold(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want []string // of the words; nil for none
	}{
		{"apple", "\u0430pple", []string{"U+0061 (Latin)", "U+0430 (Cyrillic)"}},
		{"Tiger", "\u03a4iger", []string{"U+0054 (Latin)", "U+03A4 (Greek)"}},
		{"cop", "\u0441\u043e\u0440", []string{"U+0441 (Cyrillic), U+043E (Cyrillic), U+0440 (Cyrillic)"}},
		{"t-shirt", "t\u2013shirt", []string{"U+002D", "U+2013"}},
		{"apple", "Apple", nil},
		{"cafe\u0301", "caf\u00e9", nil}, // read the same
		{"apple", "pear", nil},
		{"\u043a\u043e\u0442", "\u043f\u0451\u0441", nil},
	} {
		got := strings.Join(LookAlikes([]Class{{Name: c.a}, {Name: "tench"}}, []Class{{Name: "tench"}, {Name: c.b}}), "\n")
		if (got == "") != (c.want == nil) {
			t.Errorf("%q and %q: %q", c.a, c.b, got)
		}
		for _, w := range c.want {
			if !strings.Contains(got, w) {
				t.Errorf("%q and %q: %q lacks %q", c.a, c.b, got, w)
			}
		}
		// What is told is what the text tower reads otherwise.
		tokens := text.NewTokenizer()
		if same := slices.Equal(tokens.Encode(c.a), tokens.Encode(c.b)); same && got != "" || !same && got == "" && c.want != nil {
			t.Errorf("%q and %q: tokens equal %v, said %q", c.a, c.b, same, got)
		}
	}
	for name, want := range map[string]string{"red \u0430pple": "\u0430pple", "\u043a\u043e\u0442": "", "\u03b2-carotene": "",
		"plain": "", "caf\u00e9": "", "\u0422-shirt": ""} {
		if got, _ := mixedScript(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	// Of one set.
	set := &Set{Name: "toys", Classes: []string{"apple", "\u0430pple", "Tench", "tench"}}
	set.doubtNames()
	all := strings.Join(set.Doubts, "\n")
	for _, w := range []string{"look alike", "U+0430 (Cyrillic)", "among Latin letters", "differ in case"} {
		if !strings.Contains(all, w) {
			t.Errorf("no %q in %s", w, all)
		}
	}
	// Of two that are joined by name.
	_, err := Join([]Class{{Name: "apple"}, {Name: "tench"}}, []Class{{Name: "tench"}, {Name: "\u0430pple"}})
	if err == nil || !strings.Contains(err.Error(), "U+0430 (Cyrillic)") {
		t.Errorf("%v", err)
	}
}

package ftfy

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// Each of these was run through ftfy 6.3.1.
func TestFixText(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"sound text", "Voilà, ein schöner Text — 完璧", "Voilà, ein schöner Text — 完璧"},
		{"UTF-8 as Windows-1252", "âœ” No problems", "✔ No problems"},
		{"UTF-8 as Latin-1", "sÃ³", "só"},
		{"two layers", "cafÃƒÂ©", "café"},
		{"no-break space lost", "voilÃ le travail", "voilà le travail"},
		{"a with grave stays a word", "Ã la mode", "à la mode"},
		{"lossy", "â€œ like this â€�", "\" like this �"},
		{"beside sound text", "Ð¿Ñ€Ð¸Ð²ÐµÑ‚ и привет", "привет и привет"},
		{"C1 control", "it\u0092s", "it's"},
		{"entity", "&eacute;&EACUTE;&Eacute; &amp;lt;", "éÉÉ <"},
		{"entity in HTML", "<b>&eacute;</b>\n&eacute;", "<b>&eacute;</b>\n&eacute;"},
		{"entity before HTML", "&eacute;\n<b>&eacute;</b>", "é\n<b>&eacute;</b>"},
		{"ligatures", "ﬂuﬃeﬆ Ĳ ŉ", "fluffiest IJ 'n"},
		{"width", "ＬＯＵＤ　ＮＯＩＳＥＳ ﾀｰﾝ", "LOUD NOISES ターン"},
		{"quotes", "“it’s”", "\"it's\""},
		{"line breaks", "a\r\nb\rc\u2028d\u2029e", "a\nb\nc\nd\ne"},
		{"terminal escape", "\x1b[36;44mblue\x1b[0m", "blue"},
		{"controls", "\ufeffa\x00b\x7fc\u206ad\ufffce\tf", "abcde\tf"},
		{"normal form", "e\u0301", "é"},
		{"surrogate pair", "\xed\xa0\xbd\xed\xb8\x8d", "😍"},
		{"lone surrogate", "a\xed\xa0\xbdb", "a\ufffdb"},
		{"invalid byte", "a\xffb", "a\ufffdb"},
		{"empty", "", ""},
	} {
		if got := FixText(c.text); got != c.want {
			t.Errorf("%s: %+q gives %+q, want %+q", c.name, c.text, got, c.want)
		}
	}
}

func TestHostileTextTakesBoundedTime(t *testing.T) {
	if testing.Short() {
		t.Skip("repairs long texts")
	}
	const n = 20_000
	for name, text := range map[string]string{
		"nested entities":     "&" + strings.Repeat("amp;", n),
		"ampersands":          strings.Repeat("&", n),
		"unknown entities":    strings.Repeat("&qqqqqqqqqqqqqqqqqqqqqqqq;", n/10),
		"mojibake":            strings.Repeat("Ã©", n),
		"almost mojibake":     strings.Repeat("Ãé", n),
		"combining":           strings.Repeat("\u0315\u0359", n),
		"continuation":        strings.Repeat("Â€", n),
		"several segments":    strings.Repeat("é", maxSegment+1),
		"surrogates":          strings.Repeat("\xed\xa0\xbd", n),
		"open terminal codes": strings.Repeat("\x1b[1", n),
	} {
		start := time.Now()
		UnescapeHTML(FixText(text))
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("%s: %v", name, took)
		}
	}
}

func FuzzFixText(f *testing.F) {
	for _, s := range []string{"Ã©", "â€œ like this â€�", "&amp;eacute;", "\xed\xa0\xbd\xed\xb8\x8d", "a\x1b[0mb",
		"ГўВЂВ™s", "ﬁ’＆", "&#xD83D;&#0;"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		fixed := FixText(s)
		if !utf8.ValidString(fixed) {
			t.Fatalf("%+q gives invalid UTF-8", s)
		}
		if !utf8.ValidString(UnescapeHTML(fixed)) {
			t.Fatalf("%+q unescapes to invalid UTF-8", fixed)
		}
		if isClean(s) && fixed != s {
			t.Fatalf("plain %q becomes %q", s, fixed)
		}
	})
}

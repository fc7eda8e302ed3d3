package ftfy

import (
	"bufio"
	"compress/gzip"
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

// golden returns the lines of testdata/golden.gz of one kind, as fields.
func golden(t *testing.T, kind string) [][]string {
	t.Helper()
	f, err := os.Open("testdata/golden.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	lines := bufio.NewScanner(z)
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); fields[0] == kind {
			out = append(out, fields[1:])
		}
	}
	if err := lines.Err(); err != nil || len(out) == 0 {
		t.Fatalf("%d lines of %s: %v", len(out), kind, err)
	}
	return out
}

func unhex(t *testing.T, s string) string {
	t.Helper()
	if s == "-" {
		return ""
	}
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestEncodingsDecodeAsPythons(t *testing.T) {
	lines := golden(t, "encoding")
	if len(lines) != len(encodings) {
		t.Fatalf("%d encodings, want %d", len(encodings), len(lines))
	}
	for i, line := range lines {
		e := encodings[i]
		if e.name != line[0] || string(e.decode[:]) != unhex(t, line[1]) {
			t.Errorf("encoding %d, %s, differs from %s", i, e.name, line[0])
		}
	}
}

func TestCharacterReferencesResolveAsPythons(t *testing.T) {
	for _, line := range golden(t, "entity") {
		text, strict, loose := unhex(t, line[0]), unhex(t, line[1]), unhex(t, line[2])
		if got := string(unescapeStrict([]rune(text))); got != strict {
			t.Errorf("%s by ftfy's rules is %+q, want %+q", text, got, strict)
		}
		if got := UnescapeHTML(text); got != loose {
			t.Errorf("%s is %+q, want %+q", text, got, loose)
		}
	}
}

func TestEveryPairOfMojibakeCharactersIsJudgedAsFtfyDoes(t *testing.T) {
	chars := []rune(unhex(t, golden(t, "alphabet")[0][0]))
	rows := golden(t, "bad")
	if len(rows) != len(chars) {
		t.Fatalf("%d rows for %d characters", len(rows), len(chars))
	}
	for i, a := range chars {
		for j, b := range chars {
			if got, want := isBad([]rune{a, b}), rows[i][0][j] == '1'; got != want {
				t.Errorf("%+q is bad: %v, want %v", string([]rune{a, b}), got, want)
			}
		}
	}
}

func TestWidthsAndControls(t *testing.T) {
	line := golden(t, "width")[0]
	if got, want := string(replaceRunes([]rune(unhex(t, line[0])), standardWidths())), unhex(t, line[1]); got != want {
		t.Errorf("widths become %+q, want %+q", got, want)
	}
	removed := unhex(t, golden(t, "control")[0][0])
	for r := rune(0); r <= 0x10ffff; r++ {
		if got, want := isControl(r), strings.ContainsRune(removed, r) && !isSurrogate(r); got != want {
			t.Errorf("%U removed: %v, want %v", r, got, want)
		}
	}
}

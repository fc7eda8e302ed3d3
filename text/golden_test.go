package text

import (
	"bufio"
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"clipcalib/internal/ftfy"
)

// testCase is a line of a file of testdata/make_golden.py.
type testCase struct {
	kind, text, fixed string
	ids               string // separated by spaces
}

func readCases(path string) ([]testCase, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	var cases []testCase
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		if len(fields) != 4 {
			return nil, fmt.Errorf("%s: line %d has %d fields", path, len(cases)+1, len(fields))
		}
		text, err := hex.DecodeString(fields[1])
		if err != nil {
			return nil, err
		}
		fixed := text
		if fields[2] != "=" {
			if fixed, err = hex.DecodeString(fields[2]); err != nil {
				return nil, err
			}
		}
		cases = append(cases, testCase{fields[0], string(text), string(fixed), fields[3]})
	}
	return cases, lines.Err()
}

// checkCases compares repaired text and ids, and counts differences by kind.
func checkCases(t *testing.T, path string) {
	t.Helper()
	cases, err := readCases(path)
	if err != nil {
		t.Fatal(err)
	}
	tok := NewTokenizer()
	total, wrong := map[string]int{}, map[string]int{}
	for _, c := range cases {
		total[c.kind]++
		fixed := ftfy.FixText(c.text)
		ids := strings.Trim(fmt.Sprint(tok.Encode(c.text)), "[]")
		if fixed == c.fixed && ids == c.ids {
			continue
		}
		if wrong[c.kind]++; wrong[c.kind] <= 5 {
			t.Errorf("%s: %+q\n fixed %+q\n want  %+q\n ids %s\nwant %s", c.kind, c.text, fixed, c.fixed, ids, c.ids)
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(total)) {
		t.Logf("%-10s %6d strings, %d differ", kind, total[kind], wrong[kind])
	}
}

func TestTokenizerAgreesWithOpenAIs(t *testing.T) {
	checkCases(t, "testdata/golden.gz")
}

// TestTokenizerCases is the long form of the check above, over a file written
// by testdata/make_golden.py.
func TestTokenizerCases(t *testing.T) {
	path := os.Getenv("CLIPCALIB_TOKENIZER_CASES")
	if path == "" {
		t.Skip("CLIPCALIB_TOKENIZER_CASES names no file of testdata/make_golden.py")
	}
	checkCases(t, path)
}

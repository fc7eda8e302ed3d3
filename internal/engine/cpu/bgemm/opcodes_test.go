package bgemm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBytesAreWhatTheySay compares every instruction that stands as bytes with
// what two disassemblers make of them; testdata/make_opcodes.sh asks them.
func TestBytesAreWhatTheySay(t *testing.T) {
	golden, err := os.ReadFile("testdata/opcodes.txt")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for line := range strings.Lines(string(golden)) {
		code, text, _ := strings.Cut(strings.TrimSpace(line), ";")
		texts[code] = text
	}
	files, err := filepath.Glob("*_amd64.s")
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	seen := map[string]bool{}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			code, text, ok := strings.Cut(strings.TrimSpace(line), " // ")
			if !ok || !strings.HasPrefix(code, "BYTE") {
				continue
			}
			code = strings.NewReplacer("BYTE $0x", "", ";", "").Replace(code)
			seen[code] = true
			if texts[code] != text {
				t.Errorf("%s: %s is said to be %q, the disassemblers say %q", name, code, text, texts[code])
			}
		}
	}
	if len(seen) != len(texts) || len(seen) == 0 {
		t.Errorf("%d instructions in the assembly, %d in the goldens", len(seen), len(texts))
	}
}

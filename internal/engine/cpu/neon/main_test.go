package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFilesAreGenerated wants the assembly in the tree to be what neon writes.
func TestFilesAreGenerated(t *testing.T) {
	for name, want := range files() {
		got, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is not what neon writes: run go generate in the folder of cpu", name)
		}
	}
}

// TestWordsAreWhatTheySay compares every instruction that stands as a word with what
// two disassemblers make of it; testdata/make_opcodes.sh asks them.
func TestWordsAreWhatTheySay(t *testing.T) {
	golden, err := os.ReadFile("testdata/opcodes.txt")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for line := range strings.Lines(string(golden)) {
		word, text, _ := strings.Cut(strings.TrimSpace(line), ";")
		texts[word] = text
	}
	seen := map[string]bool{}
	for name, file := range files() {
		for line := range strings.Lines(file) {
			word, text, ok := strings.Cut(strings.TrimSpace(line), " // ")
			if !ok || !strings.HasPrefix(word, "WORD") {
				continue
			}
			word = strings.TrimPrefix(word, "WORD $0x")
			seen[word] = true
			if texts[word] != text {
				t.Errorf("%s: %s is said to be %q, the disassemblers say %q", name, word, text, texts[word])
			}
		}
	}
	if len(seen) != len(texts) || len(seen) == 0 {
		t.Errorf("%d instructions in the assembly, %d in the goldens", len(seen), len(texts))
	}
}

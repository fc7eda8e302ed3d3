package clipcalib_test

import (
	"os"
	"strings"
	"testing"
)

// TestTheREADMEsSnippetIsTheExample holds the README's Go code to the example
// that runs.
func TestTheREADMEsSnippetIsTheExample(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(readme), "```go\n")
	snippet, _, closed := strings.Cut(rest, "```")
	if !ok || !closed || strings.Count(snippet, "\n") < 10 {
		t.Fatal("README.md has no Go snippet")
	}
	lines := strings.Split(strings.TrimRight(snippet, "\n"), "\n")
	for i, line := range lines {
		if line != "" {
			lines[i] = "\t" + line
		}
	}
	if !strings.Contains(string(example), strings.Join(lines, "\n")) {
		t.Errorf("the README's snippet is not part of example_test.go:\n%s", snippet)
	}
}

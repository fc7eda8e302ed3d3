package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"clipcalib/internal/cliptest"
	"clipcalib/internal/data/miniature"
	"clipcalib/internal/paper"
	"clipcalib/weights"
)

// miniatureRoot writes the fifteen sets once.
var miniatureRoot = sync.OnceValues(func() (string, error) {
	root := filepath.Join(fixtures, "miniature")
	_, err := miniature.Write(root, miniature.Options{Classes: 3, Train: 2, Val: 1, Test: 2, Size: 20})
	return root, err
})

// paperModels writes models that stand for the paper's two.
func paperModels(t *testing.T) (flags []string) {
	t.Helper()
	dir := t.TempDir()
	for _, m := range []struct {
		name   string
		config weights.Config
	}{{"RN50", cliptest.TinyResNet()}, {"ViT-B/16", cliptest.Tiny()}} {
		path := filepath.Join(dir, strings.ReplaceAll(m.name, "/", "")+".pt")
		if err := cliptest.Write(path, m.config, 1); err != nil {
			t.Fatal(err)
		}
		flags = append(flags, "--weights", m.name+"="+path)
	}
	return flags
}

// paperArgs are a table's flags on the miniature.
func paperArgs(t *testing.T, table, out string) []string {
	t.Helper()
	root, err := miniatureRoot()
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{"table", table, "--root", root, "--out", out}, paperModels(t)...)
	if table == "tta" {
		return append(args, "--only", "RN50", "--with", "views=10")
	}
	return append(args, "--with", "epochs=2", "--with", "shots=2", "--with", "maple.depth=2")
}

func TestTablesOfThePaperOnTheMiniature(t *testing.T) {
	t.Parallel()
	for table, sets := range map[string]int{"adapters": 4, "prompts": 4, "tta": 11} {
		t.Run(table, func(t *testing.T) {
			t.Parallel()
			out := t.TempDir()
			args := paperArgs(t, table, out)
			first := mustRun(t, append(args, "--json")...)
			var sheet paper.Sheet
			if err := json.Unmarshal([]byte(first.out), &sheet); err != nil {
				t.Fatal(err)
			}
			if models := map[string]int{"adapters": 2, "prompts": 2, "tta": 1}[table]; len(sheet.Blocks) != models {
				t.Errorf("%d models, want %d", len(sheet.Blocks), models)
			}
			for _, b := range sheet.Blocks {
				for _, l := range b.Lines {
					if l.Average.Accuracy == nil || len(l.Sets) != sets {
						t.Errorf("%s, %s: %+v\n%s", b.Model, l.Row, l.Average, first.err)
						continue
					}
					for _, bins := range []string{"10", "15", "20"} {
						if _, ok := l.Average.ECE[bins]; !ok {
							t.Errorf("%s, %s has no ECE at %s bins", b.Model, l.Row, bins)
						}
					}
				}
			}
			for _, ending := range []string{".md", ".tex", ".csv", ".json", ".html"} {
				if text, err := os.ReadFile(filepath.Join(out, table+ending)); err != nil || len(text) < 1000 {
					t.Errorf("%s%s: %d bytes, %v", table, ending, len(text), err)
				}
			}
			if table == "tta" {
				return
			}
			again := mustRun(t, append(args, "--json")...)
			if again.out != first.out {
				t.Error("the same command again gives other figures")
			}
		})
	}
}

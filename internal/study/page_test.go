package study

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// The page in the tree is the one that the figures in the tree make.
func TestThePageIsWhatTheFiguresGive(t *testing.T) {
	s, err := Read(filepath.Join("..", "..", "docs", "study"))
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "STUDY.md"))
	if err != nil {
		t.Fatal(err)
	}
	if s.Page() != string(page) {
		t.Error("docs/STUDY.md is not made of docs/study: run clipcalib study --write docs/STUDY.md")
	}
	again := t.TempDir()
	if err := s.Write(again); err != nil {
		t.Fatal(err)
	}
	if other, err := Read(again); err != nil || !reflect.DeepEqual(s, other) {
		t.Errorf("written and read again it is another: %v", err)
	}
}

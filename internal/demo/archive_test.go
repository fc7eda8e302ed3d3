package demo

import (
	"strings"
	"testing"
)

// Pictures that were read by their places in an archive must stay there.
func TestAnArchiveIsNotReplaced(t *testing.T) {
	pack, err := EmojiPack()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for range 2 {
		if err := pack.Archive(dir, pack.Domains[0], 5, FoldVal); err != nil {
			t.Fatal(err)
		}
	}
	if err := pack.Archive(dir, pack.Domains[0], 6, FoldVal); err == nil || !strings.Contains(err.Error(),
		"val.tar holds") {
		t.Errorf("error %v", err)
	}
}

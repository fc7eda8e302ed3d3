package data

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A repaired middle of a file is another picture, whatever its size and ends,
// and even if its time of modification is set back; what stays as it was is
// hashed once.
func TestARepairedMiddleIsAnotherPicture(t *testing.T) {
	whole := strings.Repeat("picture ", 5000)
	root := tree(t, map[string]string{"a/1.png": whole, "a/2.png": whole + "2"})
	path := filepath.Join(root, "a", "1.png")
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir()
	print := func() string {
		t.Helper()
		set, err := Load(root)
		if err != nil {
			t.Fatal(err)
		}
		sum, err := set.Fingerprint(cache)
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := set.Fingerprint(""); err != nil || plain != sum {
			t.Fatalf("with a cache %s, without %s, %v", sum, plain, err)
		}
		return sum
	}
	first := print()
	if again := print(); again != first {
		t.Error("the same files have another fingerprint")
	}
	broken := []byte(whole)
	broken[len(broken)/2] ^= 1
	if err := os.WriteFile(path, broken, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	second := print()
	if second == first {
		t.Error("another middle, the same fingerprint")
	}
	if err := os.WriteFile(path, []byte(whole), 0o644); err != nil {
		t.Fatal(err)
	}
	if mended := print(); mended != first {
		t.Error("the same content again, another fingerprint")
	}
}

// The cache is believed while a file's state stays, and only then; a damaged
// cache is made again.
func TestHashesAreKept(t *testing.T) {
	if _, _, ok := stateOf(stat(t, t.TempDir())); !ok {
		t.Skip("no sure sign of change on this system: contents are always hashed")
	}
	root := tree(t, map[string]string{"a/1.png": "one", "a/2.png": "two"})
	time.Sleep(settled + 100*time.Millisecond)
	set, err := Load(root)
	if err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir()
	first, err := set.Fingerprint(cache)
	if err != nil {
		t.Fatal(err)
	}
	h := openHashes(cache, root)
	if len(h.have) != 2 {
		t.Fatalf("%d hashes kept, want 2", len(h.have))
	}
	// What the cache says is taken: another hash in it shows.
	for key := range h.have {
		h.have[key] = digest{1}
	}
	h.new = 1
	if err := h.write(); err != nil {
		t.Fatal(err)
	}
	if other, err := set.Fingerprint(cache); err != nil || other == first {
		t.Errorf("the cache was not used: %v", err)
	}
	raw, err := os.ReadFile(h.path)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)/2] ^= 1
	if err := os.WriteFile(h.path, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	if again, err := set.Fingerprint(cache); err != nil || again != first {
		t.Errorf("a damaged cache was believed: %v", err)
	}
}

func stat(t *testing.T, path string) os.FileInfo {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

package run

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestProgressOfAnotherRunIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "progress.partial")
	p, err := openPartial(path, "one", 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.add([]float32{1, 2}, []float32{3, 4}); err != nil {
		t.Fatal(err)
	}
	p.close()
	if _, err := openPartial(path, "two", 2, 3); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v does not name the file", err)
	}
	p, err = openPartial(path, "one", 2, 3)
	if err != nil || p.done() != 1 || p.zs[1] != 4 {
		t.Errorf("%+v, %v", p, err)
	}
	p.close()
}

func FuzzProgress(f *testing.F) {
	f.Add([]byte("one\n\x00\x00\x80?"), 3)
	f.Add([]byte("one"), 1)
	f.Add([]byte(""), 0)
	f.Add([]byte("two\n0123456789abcdef"), 2)
	path := filepath.Join(f.TempDir(), "p") // of this process
	f.Fuzz(func(t *testing.T, content []byte, images int) {
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		p, err := openPartial(path, "one", 2, images)
		if err != nil {
			return
		}
		defer p.close()
		if p.done() > max(images, 0) || len(p.logits) != len(p.zs) {
			t.Fatalf("%d images of %d", p.done(), images)
		}
		if err := p.add([]float32{1, 2}, []float32{3, 4}); err != nil {
			t.Fatal(err)
		}
		q, err := openPartial(path, "one", 2, p.done())
		if err != nil || q.done() != p.done() {
			t.Fatalf("read back %+v, %v", q, err)
		}
		q.close()
	})
}

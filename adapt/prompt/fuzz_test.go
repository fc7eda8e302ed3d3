package prompt

import (
	"context"
	"path/filepath"
	"testing"

	"clipcalib/adapt"
	"clipcalib/internal/clip"
	"clipcalib/weights"
)

// untrained is a learner with its initial values.
func untrained(t testing.TB, m *Model, method Method, classes []string) *Learner {
	t.Helper()
	l, err := newLayout(m, method, classes)
	if err != nil {
		t.Fatal(err)
	}
	params, err := initial(context.Background(), m, method, l.slots, 1)
	if err != nil {
		t.Fatal(err)
	}
	return &Learner{Method: method, Remedy: adapt.Penalty{}, LogitScale: 100, classes: classes, model: m,
		params: params, trie: l.trie}
}

func FuzzLoad(f *testing.F) {
	m := seededModel(f, smallConfig, clip.Options{})
	f.Add(readAll(f, filepath.Join("testdata", "model.pth.tar-10")))
	for _, method := range []Method{CoOp{Contexts: 1}, CoOp{Contexts: 1, ClassSpecific: true}, CoCoOp{},
		PromptSRC{Depth: 2}} {
		path := filepath.Join(f.TempDir(), "seed.safetensors")
		if err := untrained(f, m, method, []string{"cat", "dog"}).Save(path); err != nil {
			f.Fatal(err)
		}
		f.Add(readAll(f, path))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		file, err := weights.OpenBytes("fuzz", raw)
		if err != nil {
			return
		}
		defer file.Close()
		l, err := fromFile(file, m, LoadOptions{})
		if err == nil && (len(l.classes) == 0 || l.trie.NumPrompts() != len(l.classes)) {
			t.Errorf("loaded %d classes and %d prompts", len(l.classes), l.trie.NumPrompts())
		}
		if l, err = fromFile(file, m, LoadOptions{Classes: []string{"cat"}}); err == nil && l.contexts() < 1 {
			t.Error("loaded without vectors")
		}
	})
}

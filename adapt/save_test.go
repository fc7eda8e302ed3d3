package adapt

import (
	"os"
	"path/filepath"
	"testing"
)

func TestLoadRefusesWhatIsNoAdapter(t *testing.T) {
	d, _ := small(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	if err := mustTrain(t, TipAdapterF{}, None{}, d, Options{Epochs: 1}).Save(path); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"empty": nil, "truncated": raw[:len(raw)/2], "text": []byte("not an adapter, but long enough to look at"),
	} {
		bad := filepath.Join(dir, name)
		if err := os.WriteFile(bad, content, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(bad); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// FuzzLoad: whatever bytes are read, Load returns an error or an adapter that
// classifies without a panic.
func FuzzLoad(f *testing.F) {
	g := readGolden(f)
	d := g.data(1)
	dir := f.TempDir()
	for _, m := range Methods() {
		path := filepath.Join(dir, m.Name())
		if err := mustTrain(f, m, SaLS{}, d, Options{Epochs: 1}).Save(path); err != nil {
			f.Fatal(err)
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		path := filepath.Join(t.TempDir(), "a")
		if err := os.WriteFile(path, raw, 0o644); err != nil {
			t.Fatal(err)
		}
		a, err := Load(path)
		if err != nil {
			return
		}
		one := NewMatrix(1, a.Width())
		one.Data[0] = 1
		_, _ = a.Logits(one)
	})
}

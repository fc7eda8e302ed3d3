package adapt

import (
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"

	"clipcalib/internal/device"
	"clipcalib/weights"
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

// FuzzLoad: whatever bytes are read, there is an error or an adapter whose
// matrices fit each other. One of 128 classifies too: a graph costs as much as
// hundreds of loads.
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
	dev, err := device.Open(device.Options{Threads: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { dev.Close() })
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 1<<14 {
			return
		}
		file, err := weights.OpenBytes("fuzz", raw)
		if err != nil {
			return
		}
		defer file.Close()
		a, err := fromFile(file)
		if err != nil {
			return
		}
		if err := a.fits(0); err != nil {
			t.Fatal(err)
		}
		if crc32.ChecksumIEEE(raw)%128 == 0 {
			one := NewMatrix(1, a.Width())
			one.Data[0] = 1
			a.Device = dev
			_, _ = a.Logits(one)
		}
	})
}

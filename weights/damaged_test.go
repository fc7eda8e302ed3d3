package weights

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func smallFixtures(t testing.TB) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for _, name := range []string{"views.pt", "views_legacy.pt", "views_protocol4.pt", "dtypes.pt",
		"dtypes.safetensors"} {
		data, err := os.ReadFile(fixture(name))
		if err != nil {
			t.Fatal(err)
		}
		out[name] = data
	}
	return out
}

func TestTruncatedFilesAreRefusedAtEveryLength(t *testing.T) {
	for name, data := range smallFixtures(t) {
		for n := range data {
			if f, err := OpenBytes(name, data[:n]); err == nil {
				f.Close()
				t.Errorf("%s cut to %d of %d bytes was opened", name, n, len(data))
			}
		}
	}
}

func TestFlippedBitsGiveErrorsOrNumbersButNoPanic(t *testing.T) {
	for name, data := range smallFixtures(t) {
		damaged, silent := bytes.Clone(data), 0
		for i := range data {
			damaged[i] ^= 1 << (i % 8)
			if readAll(name, damaged) == nil {
				silent++
			}
			damaged[i] = data[i]
		}
		t.Logf("%s: %d of %d flips go unnoticed", name, silent, len(data))
	}
}

// readAll opens a file and reads every tensor.
func readAll(name string, data []byte) error {
	f, err := OpenBytes(name, data)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, n := range f.Names() {
		t, _ := f.Lookup(n)
		if t.Len() > 1<<20 {
			continue
		}
		if _, err := t.Float32(); err != nil {
			return err
		}
	}
	if c, err := f.CLIP(Options{}); err == nil {
		_, err = c.View().Get("visual.proj", -1, -1)
		return err
	}
	return nil
}

func TestDamagedPayloadIsNoticedByItsChecksum(t *testing.T) {
	data, err := os.ReadFile(fixture("clip_zip.pt"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := OpenBytes("clip", data)
	if err != nil {
		t.Fatal(err)
	}
	tensor, _ := f.Lookup("visual.proj")
	damaged := bytes.Clone(data)
	damaged[tensor.view.storage.data.(*region).off+17] ^= 4
	if err := readAll("clip", damaged); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("error %v, want one about the checksum", err)
	}
}

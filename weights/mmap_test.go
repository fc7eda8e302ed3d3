//go:build unix

package weights

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFileCutShortWhileOpenGivesAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cut.safetensors")
	long := NamedTensor{Name: "long", Shape: []int{1 << 20}, Data: make([]float32, 1<<20)}
	if err := WriteSafetensors(path, []NamedTensor{long}, nil); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.src.data == nil {
		t.Skip("this file system does not map files")
	}
	if err := os.Truncate(path, 4096); err != nil {
		t.Fatal(err)
	}
	tensor, _ := f.Lookup("long")
	if _, err := tensor.Float32(); err == nil {
		t.Error("read numbers that are no longer there")
	}
}

func TestFilesThatCannotBeMappedAreReadAllTheSame(t *testing.T) {
	for file, values := range map[string]string{"views.pt": "views.json", "views_legacy.pt": "views.json",
		"dtypes.safetensors": "dtypes.json"} {
		data, err := os.Open(fixture(file))
		if err != nil {
			t.Fatal(err)
		}
		info, err := data.Stat()
		if err != nil {
			t.Fatal(err)
		}
		f, err := newFile("", file, &source{ReaderAt: data, size: info.Size(), release: data.Close})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for name, w := range expectedValues(t, values) {
			checkTensor(t, f, name, w)
		}
	}
}

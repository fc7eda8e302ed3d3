package parquetscan

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// file is a parquet file of nothing but metadata.
func file(meta string) []byte {
	b := append([]byte("PAR1"), meta...)
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(meta))), "PAR1"...)
}

func open(raw []byte) error {
	_, err := Open(bytes.NewReader(raw), int64(len(raw)))
	return err
}

// The library makes room for as many elements as a list says it has: 15 GB for
// these few bytes.
func TestListsAreNotBelieved(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for name, c := range map[string]struct{ meta, want string }{
		"a list of 2^26 structs": {"\x15\x04\x19\xfc\x80\x80\x80\x20" + strings.Repeat("\x00", 64), "a list of"},
		"structs of nothing":     {"\x15\x04\x19\xfc\x80\x20" + strings.Repeat("\x00", 5000), "promises more"},
		"a string beyond it":     {"\x18\xff\xff\xff\xff\x07", "ends in the middle"},
		"structs in structs":     {strings.Repeat("\x1c", 100) + strings.Repeat("\x00", 100), "nested"},
		"a type of no name":      {"\x1e\x00", "unknown type"},
		"nothing":                {"", "ends in the middle"},
		"bytes behind it":        {"\x00" + strings.Repeat("x", 40), "40 bytes follow"},
	} {
		if err := open(file(c.meta)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 16<<20 {
		t.Errorf("%d bytes were taken", took)
	}
}

func TestWhatIsNoParquetFileIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		raw  []byte
		want string
	}{
		"short":     {[]byte("PAR1"), "cut short"},
		"cut":       {file("\x15\x04\x00")[:10], "cut short"},
		"encrypted": {append(file("\x00")[:9], "PARE"...), "encrypted"},
		"huge":      {append(make([]byte, maxFooter+100), "\x01\x00\x00\x01PAR1"...), "at most"},
	} {
		if err := open(c.raw); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Files of pyarrow and pandas, and one with the indexes of its pages, are opened;
// with an index that lies elsewhere, or has longer lists than bytes, they are not.
func TestIndexesAreBoundedToo(t *testing.T) {
	for _, pattern := range []string{"../logitfile/testdata/*.parquet", "../data/testdata/*.parquet"} {
		paths, _ := filepath.Glob(pattern)
		if len(paths) == 0 {
			t.Fatalf("no file %s", pattern)
		}
		for _, path := range paths {
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := open(raw); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	var b bytes.Buffer
	w := parquet.NewGenericWriter[struct{ A, B int64 }](&b)
	if _, err := w.Write([]struct{ A, B int64 }{{1, 2}, {3, 4}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	raw := b.Bytes()
	f, err := Open(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	index := f.Metadata().RowGroups[0].Columns[1].OffsetIndexOffset
	if index == 0 || len(f.OffsetIndexes()) != 2 {
		t.Fatal("the file has no index of its pages")
	}
	bad := bytes.Clone(raw)
	copy(bad[index:], "\x19\xfc\xff\x7f")
	if err := open(bad); err == nil || !strings.Contains(err.Error(), "a list of 16383") {
		t.Errorf("a longer index: %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	for _, path := range []string{"../logitfile/testdata/lists.parquet", "../logitfile/testdata/holes.parquet"} {
		raw, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 1<<13 {
			return
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_ = open(raw)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 64<<20 {
			t.Errorf("%d bytes were taken for %d", took, len(raw))
		}
	})
}

package logitfile

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Bytes of a parquet file are spoilt in turn, those of its end all: an error or numbers, no
// panic, and in no more time than the file deserves.
func TestSpoiltParquetIsRefusedOrRead(t *testing.T) {
	for _, name := range []string{"columns.parquet", "lists.parquet"} {
		raw, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), name)
		for at := range raw {
			if at%7 != 0 && at < len(raw)-16 {
				continue
			}
			for _, to := range []byte{0, 0xff, raw[at] ^ 0x10} {
				bad := append([]byte(nil), raw...)
				bad[at] = to
				if err := os.WriteFile(path, bad, 0o644); err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				if m, err := Open(context.Background(), path, Logits); err == nil {
					m.Close()
				}
				if d := time.Since(start); d > 5*time.Second {
					t.Errorf("%s, byte %d = %#x: %v", name, at, to, d)
				}
			}
		}
	}
}

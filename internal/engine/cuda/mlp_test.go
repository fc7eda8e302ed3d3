//go:build linux

package cuda_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/cuda"
	"clipcalib/weights"
)

// TestMLPsByParts wants a table of algorithms to have the MLPs of its sizes computed
// by parts, with the features of whole ones to the bit, and says so.
func TestMLPsByParts(t *testing.T) {
	ck := openTiny(t)
	v := ck.Config.Vision
	for _, p := range []cuda.Precision{cuda.FP32, cuda.BF16} {
		t.Setenv(cuda.AlgorithmsFile, "")
		whole := cuda.OpenFake(t, cuda.Options{Precision: p})
		want := encodeTwo(t, whole, ck)
		if said := whole.FastPath().PartwiseMLPs; len(said) > 0 {
			t.Errorf("%v: by parts without a table: %q", p, said)
		}
		path := filepath.Join(t.TempDir(), "algorithms.txt")
		table := fmt.Sprintf("90 %v mlp %dx%d 4\n80 bf16 mlp 768x3072 1", p, v.Width, v.MLP)
		if err := os.WriteFile(path, []byte(table), 0o644); err != nil {
			t.Fatal(err)
		}
		t.Setenv(cuda.AlgorithmsFile, path)
		parts := cuda.OpenFake(t, cuda.Options{Precision: p})
		if got := encodeTwo(t, parts, ck); !reflect.DeepEqual(got, want) {
			t.Errorf("%v: other features by parts", p)
		}
		if said := parts.FastPath().PartwiseMLPs; len(said) == 0 || !strings.HasSuffix(said[0], "4 rows at a time") {
			t.Errorf("%v: %q", p, said)
		}
		if more := len(cuda.Products(parts)) - len(cuda.Products(whole)); more <= 0 {
			t.Errorf("%v: %d products more", p, more)
		}
	}
}

// encodeTwo encodes two random pictures at once.
func encodeTwo(t *testing.T, e engine.Engine, ck *weights.Checkpoint) [][]float32 {
	t.Helper()
	v := encoder(t, e, ck, 2)
	flat, err := pictures(v.Preprocessor(), 2).Float32()
	if err != nil {
		t.Fatal(err)
	}
	out, err := v.Encode(t.Context(), slices.Collect(slices.Chunk(flat, v.Preprocessor().Len())))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestTuneMLP wants times of all rows and of every smaller part, and a line that the
// table takes.
func TestTuneMLP(t *testing.T) {
	for _, p := range []cuda.Precision{cuda.FP32, cuda.BF16} {
		e := cuda.OpenFake(t, cuda.Options{Precision: p})
		_, used := e.Held()
		line, times, err := e.TuneMLP(24, 16, 64, 1, []int{4, 8, 24, 100})
		if err != nil || len(times) != 3 || times[0].Rows != 24 || times[1].Rows != 4 || times[2].Rows != 8 {
			t.Fatalf("%v, %v", err, times)
		}
		for _, x := range times {
			if !(x.Seconds > 0) {
				t.Errorf("%v", times)
			}
		}
		if _, now := e.Held(); now != used {
			t.Errorf("%d bytes are in use, %d were", now, used)
		}
		if line != "" && !strings.HasPrefix(line, fmt.Sprintf("90 %v mlp 16x64 ", p)) {
			t.Errorf("%q", line)
		}
		path := filepath.Join(t.TempDir(), "algorithms.txt")
		if err := os.WriteFile(path, []byte(line+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		t.Setenv(cuda.AlgorithmsFile, path)
		if _, err := cuda.LoadAlgorithms(); err != nil {
			t.Error(err)
		}
	}
}

package npy

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The files of this test were written by NumPy; see testdata/make_golden.py.
func TestReadsEveryTypeAndOrderThatNumPyWrites(t *testing.T) {
	want := []float64{0, 1, 2, 3, 100, 127}
	files, err := filepath.Glob("testdata/*_[CF].npy")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	files = append(files, "testdata/version1.npy", "testdata/version2.npy", "testdata/version3.npy")
	for _, path := range files {
		if filepath.Base(path) == "three_F.npy" {
			continue
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			a, err := ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(a.Shape, []int{2, 3}) || !slices.Equal(a.Float64s(), want) {
				t.Errorf("shape %v, values %v", a.Shape, a.Float64s())
			}
			ints, err := a.Ints()
			if err != nil || !slices.Equal(ints, []int{0, 1, 2, 3, 100, 127}) {
				t.Errorf("as integers %v, %v", ints, err)
			}
		})
	}
}

func TestReadsOtherShapes(t *testing.T) {
	three, err := ReadFile("testdata/three_F.npy")
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range three.Float64s() {
		if v != float64(i) {
			t.Fatalf("Fortran order, element %d is %v", i, v)
		}
	}
	scalar, err := ReadFile("testdata/scalar.npy")
	if err != nil || len(scalar.Shape) != 0 || scalar.Float64s()[0] != 2.5 {
		t.Errorf("scalar: %+v, %v", scalar, err)
	}
	empty, err := ReadFile("testdata/empty.npy")
	if err != nil || empty.Len() != 0 || !slices.Equal(empty.Shape, []int{0, 3}) {
		t.Errorf("empty: %+v, %v", empty, err)
	}
	truth, err := ReadFile("testdata/bool.npy")
	if err != nil || !slices.Equal(truth.Float32s(), []float32{0, 1, 1, 1, 1, 1}) {
		t.Errorf("booleans: %+v, %v", truth, err)
	}
}

func TestWidensHalves(t *testing.T) {
	a, err := ReadFile("testdata/half.npy")
	if err != nil {
		t.Fatal(err)
	}
	got := a.Float64s()
	want := []float64{0, math.Copysign(0, -1), 1, -2.5, 65504, 0x1p-24, 0.00006103515625, math.Inf(1), math.Inf(-1),
		math.NaN()}
	for i := range want {
		if math.Float64bits(got[i]) != math.Float64bits(want[i]) && !(math.IsNaN(got[i]) && math.IsNaN(want[i])) &&
			math.Abs(got[i]-want[i]) > 6e-8 {
			t.Errorf("element %d: %v, want %v", i, got[i], want[i])
		}
	}
}

func TestWritesTheBytesNumPyWrites(t *testing.T) {
	want, err := os.ReadFile("testdata/float32_written_by_numpy.npy")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "new folder", "l.npy")
	if err := WriteFile(path, []float32{1.5, -2, 3.25, 4, 0, 1e-3}, 3, 2); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("wrote %q, NumPy %q, %v", got, want, err)
	}
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	dir := t.TempDir()
	labels := []int{3, 0, 1 << 40}
	if err := WriteLabels(filepath.Join(dir, "y.npy"), labels); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadLabels(filepath.Join(dir, "y.npy")); err != nil || !slices.Equal(got, labels) {
		t.Errorf("labels %v, %v", got, err)
	}
	values := make([]float64, 3*20_000) // more than one piece
	for i := range values {
		values[i] = math.Sqrt(float64(i))
	}
	if err := WriteFile(filepath.Join(dir, "m.npy"), values, 3, 20_000); err != nil {
		t.Fatal(err)
	}
	n, k, got, err := ReadMatrix(filepath.Join(dir, "m.npy"))
	if err != nil || n != 3 || k != 20_000 || !slices.Equal(got, values) {
		t.Errorf("matrix [%d, %d], %v", n, k, err)
	}
	if _, err := ReadLabels(filepath.Join(dir, "m.npy")); err == nil ||
		!strings.Contains(err.Error(), "m.npy: shape [3 20000]") {
		t.Errorf("matrix read as labels: %v", err)
	}
	if _, _, _, err := ReadMatrix(filepath.Join(dir, "y.npy")); err == nil {
		t.Error("labels read as a matrix")
	}
}

func TestWriteRefusesAShapeThatDoesNotFit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.npy")
	for _, shape := range [][]int{{2, 2}, {-3}, {math.MaxInt, 3}, {}} {
		if err := WriteFile(path, []float32{1, 2, 3}, shape...); err == nil {
			t.Errorf("3 values written as %v", shape)
		}
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("a refused file is there: %v", err)
	}
}

// file builds an .npy file of version 1 around a header's text.
func file(header string, body string) []byte {
	n := len(header)
	return []byte(magic + "\x01\x00" + string([]byte{byte(n), byte(n >> 8)}) + header + body)
}

func TestBadFilesAreErrors(t *testing.T) {
	cases := []struct{ name, content, want string }{
		{"nothing", "", "not an .npy file"},
		{"a zip archive", "PK\x03\x04 and more text", "not an .npy file"},
		{"version 9", magic + "\x09\x00\x00\x00", "format version 9.0"},
		{"no header length", magic + "\x01\x00\x10", "header cut short"},
		{"cut header", magic + "\x01\x00\x40\x00{'descr'", "header cut short"},
		{"header of 4 GB", magic + "\x02\x00\xff\xff\xff\xff", "at most 65536"},
		{"no dictionary", string(file("[1]", "")), "where \"{\""},
		{"missing shape", string(file("{'descr': '<f4', 'fortran_order': False}", "")), "no \"shape\""},
		{"twice", string(file("{'descr': '<f4', 'descr': '<f4'}", "")), "twice"},
		{"unknown key", string(file("{'evil': '<f4'}", "")), "unknown key"},
		{"negative", string(file("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", "")), "not a dimension"},
		{"huge number", string(file("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", "")),
			"not a dimension"},
		{"overflow", string(file("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4)}", "")),
			"too large"},
		{"overflow hidden by a zero", string(file("{'descr': '<f4', 'fortran_order': True, 'shape': (0, "+
			"4611686018427387904, 4)}", "x")), "too large"},
		{"many dimensions", string(file("{'descr': '<f4', 'fortran_order': False, 'shape': ("+strings.Repeat("1,", 40)+
			")}", "")), "dimensions"},
		{"terabytes promised", string(file("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 1000000)}",
			"abc")), "cut short after 3 of"},
		{"bytes left over", string(file("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", "12345")),
			"more bytes"},
		{"words after", string(file("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x", "1234")),
			"text after"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := Read(strings.NewReader(c.content))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			path := filepath.Join(t.TempDir(), "a.npy")
			if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := ReadFile(path); err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("from a file: %v", err)
			}
		})
	}
	for _, name := range []string{"complex", "object", "structured"} {
		if _, err := ReadFile("testdata/" + name + ".npy"); err == nil || !strings.Contains(err.Error(),
			"not supported") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ReadFile(t.TempDir()); err == nil {
		t.Error("a folder was read")
	}
}

func TestFloatsAreLabelsOnlyWhenWhole(t *testing.T) {
	dir := t.TempDir()
	for name, values := range map[string][]float64{"half": {1, 0.5}, "nan": {math.NaN()}, "inf": {math.Inf(1)},
		"huge": {1e300}} {
		path := filepath.Join(dir, name)
		if err := WriteFile(path, values, len(values)); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadLabels(path); err == nil || !strings.Contains(err.Error(), "whole number") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, name := range []string{"lf4_F", "version2", "bool", "scalar", "empty", "half", "structured"} {
		content, err := os.ReadFile("testdata/" + name + ".npy")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Add(file("{'descr': '>u8', 'fortran_order': True, 'shape': (2L, 1), }", strings.Repeat("\xff", 16)))
	f.Fuzz(func(t *testing.T, content []byte) {
		a, err := Read(bytes.NewReader(content))
		if err != nil {
			return
		}
		n := 1
		for _, d := range a.Shape {
			n *= d
		}
		if a.Len() != n || len(a.Float64s()) != n || len(a.Float32s()) != n {
			t.Fatalf("%d elements for shape %v", a.Len(), a.Shape)
		}
		a.Ints()
		// What was understood survives a round trip.
		var again bytes.Buffer
		if err := Write(&again, a.Float64s(), a.Shape...); err != nil {
			if n == 0 { // dimensions whose product overflows beside a zero
				return
			}
			t.Fatal(err)
		}
		b, err := Read(&again)
		if err != nil || b.Len() != n {
			t.Fatalf("round trip: %v", err)
		}
	})
}

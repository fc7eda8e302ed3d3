package logitfile

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipcalib/calib"
	"clipcalib/weights"
)

var (
	wantLogits = []float64{1.5, -2.25, 3, 0.1, 0.2, 0.3, -7.5, 1e-3, 12, 4, 4, -4}
	wantLabels = []int{2, 0, 1, 1}
)

// The files were written by NumPy, pandas, PyTorch and pyarrow; see
// testdata/make_golden.py.
func TestEveryFormatHoldsTheSameNumbers(t *testing.T) {
	dir := t.TempDir()
	err := weights.WriteSafetensors(filepath.Join(dir, "l.safetensors"), []weights.NamedTensor{
		{Name: "logits", Shape: []int{4, 3}, Data: []float32{1.5, -2.25, 3, 0.1, 0.2, 0.3, -7.5, 1e-3, 12, 4, 4, -4}},
		{Name: "labels", Shape: []int{4}, DType: weights.I64, Ints: []int64{2, 0, 1, 1}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		logits, labels, note string
		single               bool // float32
	}{
		{"c.npy", "y.npy", "", false},
		{"fortran.npy", "y.csv", "", false},
		{"stored.npz", "stored.npz", "", false},
		{"packed.npz", "packed.npz", "", false},
		{"packed.npz#logits", "packed.npz#labels", "", false},
		{"named.csv", "named.csv", "label", false},
		{"named.csv#logit_*", "named.csv#label", "", false},
		{"indexed.csv", "indexed.csv", "numbers of rows", false},
		{"files.tsv#logit_0,logit_[12]", "files.tsv", "", false},
		{"counted.csv", "y.npy", "first line", false},
		{"bare.csv", "y.npy", "", false},
		{"tensor.pt", "y.npy", "", false},
		{"dict.pt", "dict.pt", "", false},
		{"strided.pt", "strided.pt", "", false},
		{"columns.parquet", "columns.parquet", "label", false},
		{"lists.parquet", "lists.parquet", "label", false},
		{filepath.Join(dir, "l.safetensors"), filepath.Join(dir, "l.safetensors"), "", true},
	} {
		t.Run(filepath.Base(c.logits), func(t *testing.T) {
			at := func(spec string) string {
				if filepath.IsAbs(spec) {
					return spec
				}
				return filepath.Join("testdata", spec)
			}
			m, err := Open(context.Background(), at(c.logits), Logits)
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			got, err := calib.Collect(m)
			if err != nil || got.K != 3 {
				t.Fatal(got, err)
			}
			for i, w := range wantLogits {
				if c.single {
					w = float64(float32(w))
				}
				if got.Data[i] != w {
					t.Errorf("value %d is %v, want %v", i, got.Data[i], w)
				}
			}
			if notes := strings.Join(m.Notes, "; "); !strings.Contains(notes, c.note) ||
				(c.note == "") != (notes == "") {
				t.Errorf("notes %q, want %q", notes, c.note)
			}
			labels, err := ReadLabels(context.Background(), at(c.labels), Labels)
			if err != nil || !slices.Equal(labels, wantLabels) {
				t.Errorf("labels %v, %v", labels, err)
			}
			part := make([]float64, 3)
			if err := m.ReadRows(part, 2); err != nil || part[2] != 12 {
				t.Errorf("row 2 alone: %v, %v", part, err)
			}
		})
	}
}

func TestWhatDoesNotFitIsRefused(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cut, err := os.ReadFile("testdata/columns.parquet")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ spec, word string }{
		{file("empty.csv", ""), "empty"},
		{file("ragged.csv", "1,2\n1\n"), "wrong number of fields"},
		{file("words.csv", "a,b\n1,x\n"), "\"x\" is not a number"},
		{file("only.csv", "label\n1\n"), "no columns of logits"},
		{file("note.txt", "some text, no logits at all"), ".parquet are read"},
		{file("cut.parquet", string(cut[:len(cut)/2])), "parquet"},
		{file("bad.npz", "PK\x03\x04 nothing"), "npz"},
		{"testdata/files.tsv", "file#logit_*"},
		{"testdata/packed.npz#nothing", "there are"},
		{"testdata/packed.npz#labels", "shape [4]"},
		{"testdata/named.csv#zzz*", "no column"},
		{"testdata/holes.parquet", "null"},
		{"testdata", "want a file"},
		{filepath.Join(dir, "absent.npy"), "no such file"},
	} {
		m, err := Open(context.Background(), c.spec, Logits)
		if err == nil {
			m.Close()
			t.Errorf("%s is taken", c.spec)
		} else if !strings.Contains(err.Error(), c.word) {
			t.Errorf("%s: %v, want %q in it", c.spec, err, c.word)
		}
	}
	header := "{'descr': '|b1', 'fortran_order': False, 'shape': (4,), }"
	mask := "\x93NUMPY\x01\x00" + string(rune(len(header)+1)) + "\x00" + header + "\n" + "\x01\x00\x01\x01"
	for _, c := range []struct{ spec, word string }{
		{"testdata/c.npy", "vector of labels"},
		{file("half.csv", "label\n0.5\n"), "not a whole number"},
		{file("cat.csv", "label\ncat\n"), "indices of classes"},
		{"testdata/counted.csv", "no column of labels"},
		{file("mask.npy", mask), "holds true and false"},
	} {
		if _, err := ReadLabels(context.Background(), c.spec, Labels); err == nil || !strings.Contains(err.Error(),
			c.word) {
			t.Errorf("labels of %s: %v, want %q", c.spec, err, c.word)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	m, err := Open(ctx, "testdata/c.npy", Logits)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	stop()
	if err := m.ReadRows(make([]float64, 3), 0); err != context.Canceled {
		t.Errorf("reading after the end: %v", err)
	}
}

// Columns are classes by their numbers, not by where they stand; what else
// stands beside them is no class.
func TestNumberedColumnsAreClassesByTheirNumbers(t *testing.T) {
	dir := t.TempDir()
	file := func(content string) string {
		path := filepath.Join(dir, "t.csv")
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct {
		csv, key string
		want     []float64
		note     string
	}{
		{"logit_2,logit_0,label,logit_1\n2,0,1,1\n12,10,1,11\n", "", []float64{0, 1, 2, 10, 11, 12}, "another order"},
		{"logit_2,logit_0,label,logit_1\n2,0,1,1\n", "#logit_*", []float64{0, 1, 2}, "another order"},
		{"c10,c11,c9,label\n10,11,9,0\n", "#c*", []float64{9, 10, 11}, "another order"},
		{"0,1,10,2,3,4,5,6,7,8,9,y\n0,1,10,2,3,4,5,6,7,8,9,0\n", "", []float64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10},
			"another order"},
		{"class 2,class 1\n2,1\n", "", []float64{1, 2}, "another order"},
		{"737-300,737-200,A300\n1,2,3\n", "", []float64{1, 2, 3}, ""}, // names of classes
		{"A300,737-200\n1,2\n", "#*", []float64{1, 2}, ""},
		{"Unnamed: 0,a,b\n0,1,2\n1,3,4\n", "", []float64{1, 2, 3, 4}, "numbers of rows"},
		{",a,b\n7,1,2\n3,3,4\n", "#a,b", []float64{1, 2, 3, 4}, ""},
	} {
		m, err := Open(context.Background(), file(c.csv)+c.key, Logits)
		if err != nil {
			t.Errorf("%q: %v", c.csv, err)
			continue
		}
		got, err := calib.Collect(m)
		if err != nil || !slices.Equal(got.Data, c.want) {
			t.Errorf("%q%s: %v, %v, want %v", c.csv, c.key, got.Data, err, c.want)
		}
		if notes := strings.Join(m.Notes, "; "); !strings.Contains(notes, c.note) || c.note == "" && notes != "" {
			t.Errorf("%q%s: notes %q, want %q", c.csv, c.key, notes, c.note)
		}
		m.Close()
	}
	for _, c := range []struct{ csv, word string }{
		{"id,logit_0,logit_1,label\n900,1,2,0\n", `column "id" is beside columns logit_0 to logit_1`},
		{"logit_0,logit_1,zs_0,zs_1\n1,2,3,4\n", "columns logit_0 to logit_1 and columns zs_0 to zs_1"},
		{"logit_0,logit_1,logit_3\n1,2,3\n", "there is no logit_2"},
		{"logit_0,logit_1,logit_01\n1,2,3\n", "there twice"},
		{",a,b\n7,1,2\n3,3,4\n", "sorted or filtered"},
		{"__index_level_0__,a,b\n1,1,2\n0,3,4\n", "sorted or filtered"},
	} {
		if m, err := Open(context.Background(), file(c.csv), Logits); err == nil {
			m.Close()
			t.Errorf("%q is taken", c.csv)
		} else if !strings.Contains(err.Error(), c.word) {
			t.Errorf("%q: %v, want %q", c.csv, err, c.word)
		}
	}
	if _, err := ReadLabels(context.Background(), file(",label\n1,0\n0,1\n"), Labels); err == nil ||
		!strings.Contains(err.Error(), "sorted or filtered") {
		t.Errorf("labels under a shuffled index: %v", err)
	}
}

func FuzzParquet(f *testing.F) {
	for _, name := range []string{"columns.parquet", "lists.parquet", "holes.parquet"} {
		raw, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) < 8 || len(raw) > 1<<14 { // seeds are of 3 KB
			return
		}
		if c, err := openParquet(context.Background(), bytes.NewReader(raw), int64(len(raw))); err == nil {
			_, _, _ = c.table.matrix("")
		}
	})
}

func TestNumbersWithADecimalCommaAreCalledThat(t *testing.T) {
	dir := t.TempDir()
	for content, want := range map[string]string{
		"0,5;0,7\n1,5;0,2\n":             "decimal comma, parted by semicolons",
		"a;b\r\n0,5;0,7\r\n":             "decimal comma, parted by semicolons",
		"\"0,5\";\"0,7\"\n":              "decimal comma, parted by semicolons",
		"\"0,5\",\"0,7\"\n1,2\n":         "decimal comma (",
		"0.5;0.7\n":                      "numbers parted by semicolons",
		"file,x\n\"a;b\",0.5\n\"c\",1\n": "",
	} {
		path := filepath.Join(dir, "l.csv")
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Open(context.Background(), path, Logits)
		if want == "" && err != nil && strings.Contains(err.Error(), "semicolons") {
			t.Errorf("%q: %v", content, err)
		}
		if want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(),
			"points")) {
			t.Errorf("%q: %v, want %q", content, err, want)
		}
	}
}

package cli

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/npy"
	"clipcalib/weights"
)

// npyRows reads a float32 matrix.
func npyRows(t *testing.T, path string) [][]float32 {
	t.Helper()
	n, k, flat, err := npy.ReadMatrix(path)
	if err != nil {
		t.Fatal(err)
	}
	rows := make([][]float32, n)
	for i := range rows {
		for _, v := range flat[i*k : (i+1)*k] {
			rows[i] = append(rows[i], float32(v))
		}
	}
	return rows
}

func TestEncodeWritesARowAPictureInInputOrder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var paths []string
	for i, k := range []int{2, 0, 1, 0, 2} {
		paths = append(paths, filepath.Join(dir, fmt.Sprintf("%c.png", 'e'-i)))
		writePNG(t, paths[i], picture(k, i))
	}
	in := filepath.Join(dir, "listed.npy")
	o := mustRun(t, append([]string{"encode", "--weights", tinyModel(), "--out", in, "--images", "--batch", "2"},
		paths...)...)
	if o.out != "" {
		t.Errorf("on standard output: %q", o.out)
	}
	listed := npyRows(t, in)
	if len(listed) != 5 || len(listed[0]) != 12 {
		t.Fatalf("%d rows of %d, want 5 of 12", len(listed), len(listed[0]))
	}
	// A folder is in sorted order: here the reverse.
	folder := filepath.Join(dir, "folder.npy")
	mustRun(t, "encode", "--weights", tinyModel(), "--out", folder, "--images", dir)
	for i, row := range npyRows(t, folder) {
		if !near(row, listed[4-i]) {
			t.Errorf("row %d of the folder is not that of %s", i, paths[4-i])
		}
	}
	if near(listed[0], listed[1]) {
		t.Error("different pictures have one feature")
	}
	again := filepath.Join(dir, "again.npy")
	mustRun(t, append([]string{"encode", "--weights", tinyModel(), "--out", again, "--images", "--batch", "2"},
		paths...)...)
	if string(readFile(t, in)) != string(readFile(t, again)) {
		t.Error("the same command gave other bytes")
	}
}

func TestEncodeNormalizesWhenAsked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	texts := filepath.Join(dir, "prompts.txt")
	writeFile(t, texts, []byte("a photo of a dog.\r\na photo of a cat.\n日本 🐶\na photo of a dog.\n"))
	plain, normed := filepath.Join(dir, "p.npy"), filepath.Join(dir, "n.npy")
	mustRun(t, "encode", "--weights", tinyModel(), "--texts", texts, "--out", plain)
	mustRun(t, "encode", "--weights", tinyModel(), "--texts", texts, "--out", normed, "--normalize")
	p, n := npyRows(t, plain), npyRows(t, normed)
	if len(p) != 4 || !near(p[0], p[3]) || near(p[0], p[1]) {
		t.Fatalf("rows are not those of the lines: %v", p)
	}
	for i := range n {
		var length, before float64
		for j, v := range n[i] {
			length += float64(v) * float64(v)
			before += float64(p[i][j]) * float64(p[i][j])
		}
		if math.Abs(length-1) > 1e-5 || math.Abs(before-1) < 1e-3 {
			t.Errorf("row %d has squared length %g, %g without --normalize", i, length, before)
		}
	}
}

func TestEncodeWritesSafetensorsThatAdaptTakes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	texts, out := filepath.Join(dir, "prompts.txt"), filepath.Join(dir, "text.safetensors")
	writeFile(t, texts, []byte("sky\ngrass\nrose\n"))
	mustRun(t, "encode", "--weights", tinyModel(), "--texts", texts, "--out", out)
	f, err := weights.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if x, ok := f.Lookup("text_features"); !ok || fmt.Sprint(x.Shape) != "[3 12]" || x.DType != weights.F32 {
		t.Fatalf("names %v", f.Names())
	}
	// Image features and labels from another file: names meet in adapt.
	c := makeClusters(3, 4, 12, 0.1, 1)
	c.prototypes = nil
	images := c.write(t, filepath.Join(dir, "images.safetensors"))
	mustRun(t, "adapt", "taskres", "--features", images, "--features", out, "--epochs", "2", "--out",
		filepath.Join(dir, "run"))
}

func TestEncodeSaysWhichPictureItCouldNotRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 4 {
		writePNG(t, filepath.Join(dir, "in", fmt.Sprintf("%d.png", i)), picture(0, i))
	}
	whole := readFile(t, filepath.Join(dir, "in", "1.png"))
	writeFile(t, filepath.Join(dir, "in", "1.png"), whole[:len(whole)/2])
	writeFile(t, filepath.Join(dir, "in", "2.png"), nil)
	out := filepath.Join(dir, "f.npy")
	o := partly(t, "encode", "--weights", tinyModel(), "--images", filepath.Join(dir, "in"), "--out", out)
	for _, w := range []string{"skipped: ", "1.png", "2.png", "2 of 4 pictures"} {
		if !strings.Contains(o.err, w) {
			t.Errorf("no %q in %s", w, o.err)
		}
	}
	for i, row := range npyRows(t, out) {
		if bad := math.IsNaN(float64(row[0])); bad != (i == 1 || i == 2) {
			t.Errorf("row %d: %v", i, row)
		}
	}
	os.Remove(out)
	failsClean(t, dir, []string{"encode", "--strict", "--weights", tinyModel(), "--images", filepath.Join(dir, "in"),
		"--out", out}, "1.png")
}

func TestEncodeTruncatesLongPromptsWhenAsked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	texts, out := filepath.Join(dir, "p.txt"), filepath.Join(dir, "f.npy")
	writeFile(t, texts, []byte(strings.Repeat("word ", 75)+"\n"+strings.Repeat("word ", 200)+"\nword\n"))
	mustRun(t, "encode", "--weights", tinyModel(), "--texts", texts, "--truncate", "--out", out)
	if rows := npyRows(t, out); len(rows) != 3 || !near(rows[0], rows[1]) || near(rows[0], rows[2]) {
		t.Errorf("rows %v", rows)
	}
}

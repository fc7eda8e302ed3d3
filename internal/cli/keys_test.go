package cli

import (
	"encoding/json"
	"fmt"
	"image"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipcalib/internal/npy"
	"clipcalib/internal/run"
)

// classSet makes a folder set with the same pictures for the same colour.
func classSet(t *testing.T, dir string, folders map[string]int, each int) string {
	t.Helper()
	for folder, colour := range folders {
		for i := range each {
			writePNG(t, filepath.Join(dir, folder, fmt.Sprintf("%02d.png", i)), picture(colour, i))
		}
	}
	return dir
}

// columnsOf are the logits of a target.
func columnsOf(t *testing.T, out, target string) (n, k int, z []float64) {
	t.Helper()
	n, k, z, err := npy.ReadMatrix(filepath.Join(out, "targets", target, "logits.npy"))
	if err != nil {
		t.Fatal(err)
	}
	return n, k, z
}

// Two classes of one name, names that differ in case, and names in another
// Unicode form: a target's columns are those of the run's own classes.
func TestTargetsAreJoinedByKeys(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		run, target map[string]int
		names       string
		classes     []int // the run's, of the target's classes
	}{
		"one name twice": {map[string]int{"n1": 0, "n2": 1, "n3": 2, "n4": 0}, map[string]int{"n2": 1, "n3": 2},
			"n1 sunglasses\nn2 missile\nn3 sunglasses\nn4 ship\n", []int{1, 2}},
		"the first of two": {map[string]int{"n1": 0, "n2": 1, "n3": 2}, map[string]int{"n1": 0, "n3": 2},
			"n1 sunglasses\nn2 missile\nn3 sunglasses\n", []int{0, 2}},
		"case": {map[string]int{"Crane": 0, "cat": 1, "crane": 2}, map[string]int{"cat": 1, "crane": 2}, "",
			[]int{1, 2}},
		"Unicode": {map[string]int{"Gr\u00fcn": 0, "cat": 1, "dog": 2}, map[string]int{"Gru\u0308n": 0, "cat": 1}, "",
			[]int{0, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			source, target := classSet(t, filepath.Join(dir, "source"), c.run, 3), classSet(t, filepath.Join(dir,
				"target"), c.target, 3)
			if c.names != "" {
				writeFile(t, filepath.Join(dir, "classnames.txt"), []byte(c.names))
			}
			out := filepath.Join(dir, "run")
			mustRun(t, "adapt", "zslp", "--weights", tinyModel(), "--data", source, "--shots", "2", "--views", "-1",
				"--epochs", "30", "--out", out)
			mustRun(t, "eval", out, "--data", source, target)
			_, classes, all := columnsOf(t, out, "source")
			n, k, part := columnsOf(t, out, "target")
			ev, err := run.ReadEvaluation(filepath.Join(out, "targets", "target"))
			if err != nil || k != len(c.classes) {
				t.Fatalf("%d classes, %v", k, err)
			}
			if !slices.Equal(ev.Target.Classes, c.classes) {
				t.Errorf("classes %v, want %v", ev.Target.Classes, c.classes)
			}
			rows := csvRows(t, filepath.Join(out, "targets", "target", "rows.csv"))
			source1 := csvRows(t, filepath.Join(out, "targets", "source", "rows.csv"))
			for i := range n {
				// The same picture in the run's own set.
				at := slices.IndexFunc(source1, func(r map[string]string) bool {
					return filepath.Base(r["file"]) == filepath.Base(rows[i]["file"]) && sameKey(r["class_key"],
						rows[i]["class_key"])
				})
				for j := range k {
					if got, want := part[k*i+j], all[classes*at+ev.Target.Classes[j]]; got-want > 1e-3 ||
						want-got > 1e-3 {
						t.Errorf("row %d (%s), class %d: %g, in the run's own set %g", i, rows[i]["file"], j, got, want)
					}
				}
			}
		})
	}
}

func sameKey(a, b string) bool {
	return strings.ReplaceAll(a, "\u00fc", "u\u0308") == strings.ReplaceAll(b, "\u00fc", "u\u0308")
}

func TestTargetsThatCannotBeJoinedAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source := classSet(t, filepath.Join(dir, "source"), map[string]int{"Crane": 0, "crane": 1, "cat": 2}, 2)
	out := filepath.Join(dir, "run")
	mustRun(t, "adapt", "taskres", "--weights", tinyModel(), "--data", source, "--shots", "2", "--views", "-1",
		"--epochs", "2", "--out", out)
	target := classSet(t, filepath.Join(dir, "target"), map[string]int{"CRANE": 0, "cat": 2}, 1)
	fails(t, []string{"eval", out, "--data", target}, "target", `"CRANE"`, `"Crane"`, `"crane"`)
}

// A class of which no shot can be read is an error that names it; pictures are
// named once however many views there are.
func TestAClassWithoutReadableShotsIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := folderSet(t, filepath.Join(dir, "colours"), 2, 1)
	for i := range 2 {
		writeFile(t, filepath.Join(root, "train", "grass", fmt.Sprintf("%02d.png", i)), nil)
	}
	args := []string{"adapt", "zslp", "--weights", tinyModel(), "--data", root, "--shots", "2", "--epochs", "2",
		"--out", filepath.Join(dir, "run")}
	o := command(args...)
	if strings.Count(o.err, "skipped: ") != 2 {
		t.Errorf("want each of 2 pictures named once: %s", o.err)
	}
	failsClean(t, dir, args, `"grass" (all 2)`, "colours")
	failsClean(t, dir, append([]string{"adapt", "coop"}, args[2:]...), `"grass" (all 2)`)
}

// Few shots take all there are, everything, or some again; the run says so.
func TestShotsOfClassesWithFewer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := classSet(t, filepath.Join(dir, "set"), map[string]int{"grass": 1}, 3)
	classSet(t, root, map[string]int{"rose": 2}, 5)
	for i, c := range []struct {
		args    []string
		said    string
		shots   int
		samples int
	}{
		{[]string{"--shots", "4"}, "4 shots a class, fewer of 1 class: grass 3", 4, 7},
		{[]string{"--shots", "0"}, "every picture as a shot, 3 to 5 a class", 0, 8},
		{[]string{"--shots", "4", "--repeat"}, "drawn with repetition from 1 class that has fewer: grass 3", 4, 8},
		{[]string{"--shots", "2"}, "2 shots a class", 2, 4},
	} {
		out := filepath.Join(dir, fmt.Sprint("run", i))
		o := mustRun(t, append([]string{"adapt", "taskres", "--weights", tinyModel(), "--data", root, "--views", "-1",
			"--epochs", "2", "--json", "--out", out}, c.args...)...)
		var printed struct{ Samples int }
		if err := json.Unmarshal([]byte(o.out), &printed); err != nil || printed.Samples != c.samples ||
			!strings.Contains(o.err, c.said) {
			t.Errorf("%v: %s%s", c.args, o.out, o.err)
		}
		r, err := run.ReadRecipe(out)
		if err != nil || r.Inputs.Shots != c.shots || r.Samples != c.samples ||
			(r.Inputs.Drawn != nil) != (c.shots != 2 && !r.Inputs.Repeat) {
			t.Errorf("%v: %+v, %v", c.args, r.Inputs, err)
		}
		if rows := csvRows(t, filepath.Join(out, "shots.csv")); len(rows) != c.samples || rows[0]["class"] != "grass" {
			t.Errorf("%v: shots %v", c.args, rows)
		}
	}
}

// What lies beside the logits of test-time tuning is what lies beside others.
func TestTuningSaysWhatItsRowsAre(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := folderSet(t, filepath.Join(dir, "colours"), 1, 2)
	writeFile(t, filepath.Join(root, "test", "grass", "01.png"), nil)
	writeFile(t, filepath.Join(root, "test", "grass", "notes.txt"), nil)
	out := filepath.Join(dir, "run")
	args := []string{"tta", "tpt", "--weights", tinyModel(), "--data", root, "--views", "4", "--keep", "0.5", "--out",
		out, "--json"}
	for range 2 { // the second time it is there
		var rows []skippedCounts
		if err := json.Unmarshal([]byte(partly(t, args...).out), &rows); err != nil || rows[0].Samples != 5 ||
			rows[0].Skipped.Unreadable != 1 || rows[0].Skipped.Ignored != 1 {
			t.Errorf("%+v, %v", rows, err)
		}
	}
	at := filepath.Join(out, "targets", "colours")
	var facts struct {
		Target   string
		Samples  int
		Bins     int
		Template []string
	}
	if err := json.Unmarshal(readFile(t, filepath.Join(at, "metrics.json")), &facts); err != nil ||
		facts.Target != "colours" || facts.Samples != 5 ||
		facts.Bins != 10 || !slices.Equal(facts.Template, []string{"a photo of a {}."}) {
		t.Errorf("%+v, %v", facts, err)
	}
	rows := csvRows(t, filepath.Join(at, "rows.csv"))
	if len(rows) != 5 || rows[2]["file"] != "grass/00.png" || rows[4]["class_key"] != "red_rose" {
		t.Errorf("rows %v", rows)
	}
	if left := csvRows(t, filepath.Join(at, "left_out.csv")); len(left) != 2 || left[0]["file"] != "grass/01.png" ||
		left[1]["file"] != "grass/notes.txt" {
		t.Errorf("left out %v", left)
	}
}

// noisy is a picture of random pixels.
func noisy(side int) image.Image {
	img := image.NewNRGBA(image.Rect(0, 0, side, side))
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range img.Pix {
		img.Pix[i] = byte(rng.IntN(256)) | byte(255*(i%4/3))
	}
	return img
}

// A bank's features are of the pictures' whole content: a mended middle gives
// new ones.
func TestAMendedPictureIsEncodedAnew(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := classSet(t, filepath.Join(dir, "set"), map[string]int{"grass": 1, "rose": 2}, 1)
	path := filepath.Join(root, "rose", "big.ppm.png")
	writePNG(t, path, noisy(200))
	whole := readFile(t, path)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	broken := slices.Clone(whole)
	copy(broken[len(broken)/2:], make([]byte, 500))
	zeroshot := func() outcome {
		return command("zeroshot", "--weights", tinyModel(), "--data", root, "--bank", filepath.Join(dir, "bank"),
			"--json")
	}
	first := zeroshot()
	writeFile(t, path, broken)
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if second := zeroshot(); second.out == first.out || strings.Contains(second.err, "from the bank") {
		t.Errorf("the damaged picture has the whole one's features: %s", second.err)
	}
	writeFile(t, path, whole)
	if third := zeroshot(); third.out != first.out {
		t.Errorf("the mended picture has others than before: %s %s", first.out, third.out)
	}
}

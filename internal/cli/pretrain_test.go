package cli

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/pretrain"
)

// pretrainInputs are a table of pairs and a recipe of towers as small as can be.
func pretrainInputs(t *testing.T, dir string) (table, recipe string) {
	t.Helper()
	var rows strings.Builder
	rows.WriteString("filepath\ttitle\n")
	for i := range 12 {
		k := i % len(colours)
		name := fmt.Sprintf("%02d.png", i)
		writePNG(t, filepath.Join(dir, "pairs", name), picture(k, i))
		fmt.Fprintf(&rows, "%s\t%s number %d\n", name, strings.ReplaceAll(colours[k].name, "_", " "), i)
	}
	table = filepath.Join(dir, "pairs", "pairs.tsv")
	writeFile(t, table, []byte(rows.String()))
	r := pretrain.DefaultRecipe()
	r.Batch, r.Steps, r.Warmup, r.ImageSize = 4, 6, 1, 16
	r.VisionWidth, r.VisionLayers, r.VisionHeads = 16, 1, 2
	r.TextWidth, r.TextLayers, r.TextHeads, r.EmbedDim = 16, 1, 2, 8
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	recipe = filepath.Join(dir, "recipe.json")
	writeFile(t, recipe, raw)
	return table, recipe
}

func TestPretrainWritesAModelThatTheOtherCommandsRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	table, recipe := pretrainInputs(t, dir)
	out := filepath.Join(dir, "small.pt")
	o := mustRun(t, "pretrain", "--data", table, "--recipe", recipe, "--out", out)
	if o.out != "" || !strings.Contains(o.err, "12 pairs") || !strings.Contains(o.err, out) {
		t.Errorf("printed %q and %q", o.out, o.err)
	}
	if lines := strings.Count(string(readFile(t, out+".curve.jsonl")), "\n"); lines != 6 {
		t.Errorf("%d lines of loss for 6 steps", lines)
	}
	if o := mustRun(t, "inspect", out); !strings.Contains(o.out, "embedding 8") {
		t.Errorf("inspect:\n%s", o.out)
	}
	mustRun(t, "zeroshot", "--weights", out, "--data", folderSet(t, filepath.Join(dir, "colours"), 1, 2))
	again := filepath.Join(dir, "again.pt")
	mustRun(t, "pretrain", "--data", table, "--recipe", recipe, "--out", again)
	if string(readFile(t, out)) != string(readFile(t, again)) ||
		string(readFile(t, out+".curve.jsonl")) != string(readFile(t, again+".curve.jsonl")) {
		t.Error("the same recipe gave other bytes")
	}
	left := listing(t, dir)
	for _, f := range left {
		if strings.Contains(f, ".checkpoint") || strings.Contains(f, ".part-") {
			t.Errorf("left behind: %s", f)
		}
	}
}

func TestPretrainSkipsUnreadablePictures(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	table, recipe := pretrainInputs(t, dir)
	for _, name := range []string{"03.png", "07.png"} {
		writeFile(t, filepath.Join(dir, "pairs", name), []byte("no picture"))
	}
	out := filepath.Join(dir, "small.pt")
	args := []string{"pretrain", "--data", table, "--recipe", recipe, "--steps", "9", "--out", out}
	failsClean(t, dir, append(args, "--strict"), ".png")
	o := partly(t, args...)
	for name, want := range map[string]int{"03.png": 1, "07.png": 1, "2 of 12 pictures": 1, "skipped: ": 2} {
		if strings.Count(o.err, name) != want {
			t.Errorf("%q is there %d times, want %d: %s", name, strings.Count(o.err, name), want, o.err)
		}
	}
}

func TestPretrainRefusesWhatItCannotUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	table, recipe := pretrainInputs(t, dir)
	in := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, content string) string {
		writeFile(t, in(name), []byte(content))
		return in(name)
	}
	out := in("w.pt")
	for _, c := range []struct {
		name  string
		args  []string
		words []string
	}{
		{"empty table", []string{"--data", write("empty.tsv", "")}, []string{"empty.tsv"}},
		{"one column", []string{"--data", write("odd.csv", "a\nb\n")}, []string{"odd.csv"}},
		{"picture absent", []string{"--data", write("gone.tsv",
			"filepath\ttitle\ngone.png\tx\ngone2.png\ty\ngone3.png\ty\ngone4.png\ty\n")}, []string{"gone"}},
		{"no steps", []string{"--data", table, "--steps", "0"}, []string{"steps"}},
		{"batch of one", []string{"--data", table, "--batch", "1"}, []string{"batch"}},
		{"unknown field", []string{"--data", table, "--recipe", write("typo.json", `{"stepps": 3}`)},
			[]string{"typo.json", "stepps"}},
		{"recipe absent", []string{"--data", table, "--recipe", in("absent.json")},
			[]string{"--recipe", "absent.json"}},
		{"recipe no JSON", []string{"--data", table, "--recipe", write("bad.json", "{")}, []string{"bad.json"}},
		{"heads", []string{"--data", table, "--recipe", write("heads.json", `{"vision_heads": 7}`)}, []string{"heads"}},
		{"parts", []string{"--data", table, "--accumulate", "3"}, []string{"accumulate", "3"}},
		{"measurements", []string{"--data", table, "--validate", table, "--validate-every", "0"},
			[]string{"--validate-every"}},
		{"template of nothing", []string{"--data", table, "--validate-template", "a {}."}, []string{"--validate"}},
		{"validation absent", []string{"--data", table, "--validate", in("nowhere")},
			[]string{"--validate", "nowhere"}},
		{"template without place", []string{"--data", table, "--validate", folderSet(t, in("fold"), 1, 2) + "#test",
			"--validate-template", "a picture"}, []string{"--validate", "{}"}},
		{"checkpoints", []string{"--data", table, "--checkpoint-every", "0"}, []string{"--checkpoint-every"}},
		{"output below a file", []string{"--data", table, "--out", filepath.Join(table, "x.pt")},
			[]string{"x.pt", "not a directory"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := []string{"pretrain", "--out", out}
			if c.name != "recipe absent" && c.name != "heads" {
				args = append(args, "--recipe", recipe)
			}
			failsClean(t, dir, append(args, c.args...), c.words...)
		})
	}
	writeFile(t, out+".checkpoint", []byte("not one"))
	failsClean(t, dir, []string{"pretrain", "--data", table, "--recipe", recipe, "--out", out}, "checkpoint")
}

func TestPretrainFitsTheScaleToPairsKeptAside(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	table, recipe := pretrainInputs(t, dir)
	var rows strings.Builder
	rows.WriteString("filepath\ttitle\n")
	for i := range 12 {
		name := strings.ReplaceAll(colours[i%len(colours)].name, "_", " ")
		if i%2 == 1 { // the same to the text tower
			name = strings.ToUpper(name)
		}
		fmt.Fprintf(&rows, "aside%02d.png\t%s\n", i, name)
		writePNG(t, filepath.Join(dir, "pairs", fmt.Sprintf("aside%02d.png", i)), picture(i%len(colours), 50+i))
	}
	aside := filepath.Join(dir, "pairs", "aside.tsv")
	writeFile(t, aside, []byte(rows.String()))
	plain, fitted := filepath.Join(dir, "plain.pt"), filepath.Join(dir, "fitted.pt")
	args := []string{"pretrain", "--data", table, "--recipe", recipe, "--steps", "2", "--out"}
	mustRun(t, append(args, plain)...)
	o := mustRun(t, append(args, fitted, "--scale-data", aside)...)
	if !strings.Contains(o.err, fmt.Sprintf("fitted to 12 pictures of %d classes", len(colours))) {
		t.Errorf("printed %q", o.err)
	}
	if string(readFile(t, plain)) == string(readFile(t, fitted)) {
		t.Error("the fit changed nothing")
	}
	var doc struct{ Scale *pretrain.ScaleFit }
	o = mustRun(t, append(args, filepath.Join(dir, "json.pt"), "--scale-data", aside, "--json")...)
	if err := json.Unmarshal([]byte(o.out),
		&doc); err != nil || doc.Scale == nil || doc.Scale.Classes != len(colours) ||
		doc.Scale.Pictures != 12 || doc.Scale.Fitted == doc.Scale.Learned || doc.Scale.Before < doc.Scale.After {
		t.Errorf("%v: %s", err, o.out)
	}
	// Pairs that are no classes are refused, and so are those that are trained on,
	// under other names too; all before the training.
	out := filepath.Join(dir, "not.pt")
	fails(t, append(args, out, "--scale-data", table), "--scale-data", "wanted are classes")
	writeFile(t, filepath.Join(dir, "pairs", "aside07.png"), readFile(t, filepath.Join(dir, "pairs", "03.png")))
	failsClean(t, dir, append(args, out, "--scale-data", aside), "--scale-data", "1 of its 12 pictures")
}

func TestPretrainMeasuresWhileItTrains(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	table, recipe := pretrainInputs(t, dir)
	fold := folderSet(t, filepath.Join(dir, "colours"), 1, 2)
	plain, out := filepath.Join(dir, "plain.pt"), filepath.Join(dir, "small.pt")
	mustRun(t, "pretrain", "--data", table, "--recipe", recipe, "--out", plain)
	o := mustRun(t, "pretrain", "--data", table, "--recipe", recipe, "--out", out, "--validate", fold+"#test",
		"--validate-every", "4", "--validate-template", "a zebra {}.", "--checkpoint-every", "3", "--json")
	for _, want := range []string{"GFLOP/s (", "step 4: ", "zero-shot accuracy", "occur in no caption: a zebra"} {
		if !strings.Contains(o.err, want) {
			t.Errorf("%q is not in %q", want, o.err)
		}
	}
	if !strings.Contains(o.out, `"steps_per_second"`) {
		t.Errorf("printed %q", o.out)
	}
	if string(readFile(t, out)) != string(readFile(t, plain)) {
		t.Error("measuring changed what was trained")
	}
	// The line of the last step is what zeroshot finds in the model that was written,
	// but for its rounding to half precision.
	lines := strings.Split(strings.TrimSpace(string(readFile(t, out+".zeroshot.csv"))), "\n")
	if len(lines) != 3 || lines[0]+"\n" != zeroShotHead || !strings.HasPrefix(lines[1], "4,") {
		t.Fatalf("lines %q", lines)
	}
	var now struct{ Accuracy, ECE float64 }
	z := mustRun(t, "zeroshot", "--weights", out, "--data", fold, "--template", "a zebra {}.", "--json")
	if err := json.Unmarshal([]byte(z.out), &now); err != nil {
		t.Fatal(err)
	}
	var last [5]float64
	for i, v := range strings.Split(lines[2], ",") {
		if _, err := fmt.Sscan(v, &last[i]); err != nil {
			t.Fatal(err)
		}
	}
	if last[0] != 6 || math.Abs(last[2]-now.Accuracy) > 1e-5 || math.Abs(last[3]-now.ECE) > 5e-3 {
		t.Errorf("line %q, and zeroshot finds %+v", lines[2], now)
	}
	head := lines[0] + "\n"
	if kept, err := upTo(4, strings.Join(lines, "\n")); err != nil || head+kept != head+lines[1]+"\n" {
		t.Errorf("kept %q (%v)", kept, err)
	}
	if _, err := upTo(4, "another file"); err == nil {
		t.Error("another file was gone on with")
	}
}

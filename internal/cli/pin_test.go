package cli

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/cliptest"
	"clipcalib/internal/npy"
	"clipcalib/weights"
)

var pinnedClasses = []string{"forklift", "tabby cat", "tench"}

// pinnedSet writes the pictures and the weights of testdata/pinned/make_pinned.py.
func pinnedSet(t *testing.T) (dir, model string) {
	t.Helper()
	dir = t.TempDir()
	for k, class := range pinnedClasses {
		for i := range 2 {
			img := image.NewNRGBA(image.Rect(0, 0, 24, 20))
			for y := range 20 {
				for x := range 24 {
					at := func(c int) uint8 { return uint8((x*(7+3*k) + y*(5+i) + c*40 + x*y*(k+1)) % 256) }
					img.SetNRGBA(x, y, color.NRGBA{at(0), at(1), at(2), 255})
				}
			}
			var b bytes.Buffer
			if err := png.Encode(&b, img); err != nil {
				t.Fatal(err)
			}
			writeFile(t, filepath.Join(dir, "set", class, fmt.Sprintf("%d.png", i)), b.Bytes())
		}
	}
	model = filepath.Join(dir, "seeded.safetensors")
	if err := cliptest.WriteSeeded(model, cliptest.Seeded); err != nil {
		t.Fatal(err)
	}
	return dir, model
}

// pinnedArgs are a command's arguments for them.
func pinnedArgs(dir, model string, args ...string) []string {
	return append(args, "--weights", model, "--vision-heads", "2", "--text-heads", "2", "--activation", "quickgelu",
		"--data", filepath.Join(dir, "set"), "--bank", filepath.Join(dir, "bank"))
}

func tensorIn(t *testing.T, path, name string) []float32 {
	t.Helper()
	f, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	v, ok := f.Lookup(name)
	if !ok {
		t.Fatalf("%s has no %s among %v", path, name, f.Names())
	}
	out, err := v.Float32()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// asInPyTorch holds values to those of PyTorch, relative to the largest.
func asInPyTorch(t *testing.T, what string, got, want []float32, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	var worst, top float64
	for i, w := range want {
		top = math.Max(top, math.Abs(float64(w)))
		worst = math.Max(worst, math.Abs(float64(got[i]-w)))
	}
	if !(worst <= tolerance*top) {
		t.Errorf("%s is %.2g of the largest value from PyTorch's", what, worst/top)
	}
}

// From the command line alone, with vectors, shots, batches and views from files, a
// few steps end where PyTorch's do.
func TestPinnedRunsEndWherePyTorchDoes(t *testing.T) {
	t.Parallel()
	dir, model := pinnedSet(t)
	pins := func(name string) string { return filepath.Join("testdata", "pinned", name) }
	want := func(name string) []float32 { return tensorIn(t, pins("want.safetensors"), name) }

	out := filepath.Join(dir, "taskres")
	mustRun(t, pinnedArgs(dir, model, "adapt", "taskres", "--pin", pins("adapter"), "--epochs", "3", "--batch", "2",
		"--out", out)...)
	asInPyTorch(t, "TaskRes's residual", tensorIn(t, filepath.Join(out, "adapter.safetensors"), "residual"),
		want("taskres.residual"), 1e-4)

	out = filepath.Join(dir, "coop")
	mustRun(t, pinnedArgs(dir, model, "adapt", "coop", "--vectors", "4", "--lr", "0.02", "--pin", pins("prompts"),
		"--epochs", "3", "--batch", "3", "--out", out)...)
	asInPyTorch(t, "CoOp's vectors", tensorIn(t, filepath.Join(out, "prompts.safetensors"), "prompt_learner.ctx"),
		want("coop.ctx"), 1e-4)

	out = filepath.Join(dir, "tpt")
	mustRun(t, pinnedArgs(dir, model, "tta", "tpt", "--pin", pins("tuning"), "--keep", "0.3", "--out", out)...)
	for file, name := range map[string]string{"logits.npy": "tpt.logits", "zero_shot_logits.npy": "tpt.zero_shot"} {
		_, _, got, err := npy.ReadMatrix(filepath.Join(out, "targets", "set", file))
		if err != nil {
			t.Fatal(err)
		}
		narrow := make([]float32, len(got))
		for i, v := range got {
			narrow[i] = float32(v)
		}
		asInPyTorch(t, "TPT's "+file, narrow, want(name), 1e-4)
	}
	fails(t, []string{"predict", out, filepath.Join(dir, "set", "tench", "0.png")}, "--pin")
}

// What a run records, given to another of another seed, gives the same run.
func TestRecordedRunsCanBeRepeated(t *testing.T) {
	t.Parallel()
	dir, model := pinnedSet(t)
	for _, test := range []struct {
		args []string
		file string
	}{
		{[]string{"adapt", "clip-adapter", "--epochs", "3", "--batch", "2", "--views", "4"}, "adapter.safetensors"},
		{[]string{"adapt", "coop", "--epochs", "2", "--batch", "2", "--vectors", "4"}, "prompts.safetensors"},
		{[]string{"adapt", "maple", "--epochs", "2", "--batch", "2"}, "prompts.safetensors"},
		{[]string{"tta", "tpt", "--views", "7", "--keep", "0.5"}, "targets/set/logits.npy"},
	} {
		name := test.args[1]
		run := func(out string, more ...string) []byte {
			args := pinnedArgs(dir, model, append(append([]string{}, test.args...), more...)...)
			mustRun(t, append(args, "--out", filepath.Join(dir, out))...)
			return readFile(t, filepath.Join(dir, out, filepath.FromSlash(test.file)))
		}
		record := filepath.Join(dir, name+"-record")
		draw := []string{"--seed", "3", "--record", record}
		if test.args[0] == "adapt" {
			draw = append(draw, "--shots", "2")
		}
		first := run(name+"-1", draw...)
		if again := run(name+"-2", "--seed", "3", "--pin", record); !bytes.Equal(first, again) {
			t.Errorf("%s: the repeat differs", name)
		}
		if name == "clip-adapter" { // the seed has a part in nothing else
			if other := run(name+"-3", "--seed", "8", "--pin", record); !bytes.Equal(first, other) {
				t.Errorf("%s: the repeat with another seed differs", name)
			}
		}
	}
	// Other pictures of the same names have no views in the files.
	one, other := filepath.Join(dir, "set", "tench", "0.png"), filepath.Join(dir, "set", "tench", "1.png")
	was := readFile(t, one)
	writeFile(t, one, readFile(t, other))
	for _, command := range [][]string{{"tta", "tpt", "--views", "7"}, {"adapt", "clip-adapter", "--epochs", "3",
		"--batch",
		"2"}} {
		record := filepath.Join(dir, command[1]+"-record")
		fails(t, pinnedArgs(dir, model, append(command, "--pin", record, "--out", filepath.Join(dir, "z"))...),
			"views.csv",
			"another picture of the name tench/0.png")
	}
	writeFile(t, one, was)
	args := pinnedArgs(dir, model, "adapt", "clip-adapter", "--out", filepath.Join(dir, "x"))
	record := filepath.Join(dir, "clip-adapter-record")
	fails(t, append(args, "--pin", record, "--epochs", "4", "--batch", "2"), "order of batches")
	fails(t, append(args, "--pin", record, "--remedy", "none,sals"), "--pin")
	fails(t, append(args, "--pin", dir), "none of init.safetensors")
	fails(t, pinnedArgs(dir, model, "tta", "tpt", "--augmix", "--record", record, "--out", filepath.Join(dir, "y")),
		"--augmix")
	fails(t, append(pinnedArgs(dir, model, "adapt", "clip-adapter", "--epochs", "3", "--batch", "2", "--views", "4",
		"--shots", "2", "--seed", "3", "--out", filepath.Join(dir, "clip-adapter-1")), "--record", record),
		"holds this run")
	views := filepath.Join(record, "views.csv")
	writeFile(t, views, []byte(strings.Replace(string(readFile(t, views)), "tench/0.png", "tench/9.png", 1)))
	fails(t, append(args, "--pin", record, "--epochs", "3", "--batch", "2"), "views.csv", "tench/0.png")
	writeFile(t, views, []byte("picture,view,left,top,width,height,flip\nforklift/0.png,0,20,0,9,9,0\n"))
	fails(t, append(args, "--pin", record, "--epochs", "3", "--batch", "2"), "24 x 20 pixels")
}

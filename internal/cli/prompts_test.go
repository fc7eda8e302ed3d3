package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"clipcalib/adapt/prompt"
	"clipcalib/internal/npy"
	"clipcalib/weights"
)

// learn is the command that learns prompts on the few colours; method and
// further flags follow.
func learn(root, out, method string, more ...string) []string {
	return append([]string{"adapt", method, "--weights", tinyModel(), "--data", root, "--shots", "2", "--views", "2",
		"--batch", "2", "--epochs", "2", "--out", out}, more...)
}

// settings keep the tests of each method small.
func settingsOf(method string) []string {
	switch method {
	case "coop":
		return []string{"--vectors", "3"}
	case "maple", "promptsrc":
		return []string{"--depth", "2"}
	}
	return nil
}

func TestEveryPromptLearnerTakesEveryRemedyEndToEnd(t *testing.T) {
	dir := t.TempDir()
	root := folderSet(t, filepath.Join(dir, "colours"), 2, 3)
	zeroShot := ""
	for i, m := range prompt.Methods() {
		remedy := []string{"none", "zs-norm", "penalty", "sals"}[i%4]
		out := filepath.Join(dir, "runs", m.Name())
		mustRun(t, learn(root, out, m.Name(), append(settingsOf(m.Name()), "--remedy", remedy)...)...)
		o := mustRun(t, "eval", out, "--data", root, "--json")
		var rows []struct {
			Dir, Method, Remedy string
			Metrics             json.RawMessage
		}
		if err := json.Unmarshal([]byte(o.out), &rows); err != nil || len(rows) != 1 || rows[0].Method != m.Name() ||
			rows[0].Remedy != remedy {
			t.Fatalf("%v: %s", err, o.out)
		}
		metricsIn(t, rows[0].Metrics)
		for _, name := range []string{"recipe.yaml", "prompts.safetensors", "classes.json", "log.txt"} {
			if len(readFile(t, filepath.Join(out, name))) == 0 {
				t.Errorf("%s: %s is empty", m.Name(), name)
			}
		}
		n, k, _, err := npy.ReadMatrix(filepath.Join(rows[0].Dir, "logits.npy"))
		if err != nil || n != 9 || k != 3 {
			t.Errorf("%s: logits [%d, %d], %v", m.Name(), n, k, err)
		}
		// The reference is the same whatever was learned.
		if zs := string(readFile(t, filepath.Join(rows[0].Dir, "zero_shot_logits.npy"))); zeroShot == "" {
			zeroShot = zs
		} else if zs != zeroShot {
			t.Errorf("%s: other zero-shot logits", m.Name())
		}
	}
	table := mustRun(t, "report", filepath.Join(dir, "runs"), "--format", "text").out
	for _, name := range []string{"CoOp", "CoCoOp", "KgCoOp", "ProGrad", "MaPLe", "PromptSRC"} {
		if !strings.Contains(table, name) {
			t.Errorf("the report lacks %s:\n%s", name, table)
		}
	}
}

func TestTwoRunsOfLearnedPromptsAreEqualByteByByte(t *testing.T) {
	dir := t.TempDir()
	root := folderSet(t, filepath.Join(dir, "colours"), 2, 2)
	for _, method := range []string{"coop", "maple"} {
		var runs []string
		for _, name := range []string{"a", "b"} {
			out := filepath.Join(dir, method, name)
			mustRun(t, learn(root, out, method, append(settingsOf(method), "--remedy", "penalty")...)...)
			mustRun(t, "eval", out, "--data", root)
			runs = append(runs, out)
		}
		sameFiles(t, runs[0], runs[1])
		args := learn(root, runs[0], method, append(settingsOf(method), "--remedy", "penalty")...)
		before := times(t, runs[0])
		if o := mustRun(t, args...); !strings.Contains(o.err, "holds this run already") {
			t.Errorf("the second time: %s", o.err)
		}
		mustRun(t, "eval", runs[0], "--data", root)
		if after := times(t, runs[0]); before != after {
			t.Errorf("files were written again:\n%s\n%s", before, after)
		}
		failsClean(t, dir, append(args, "--lr", "0.1"), runs[0], "another recipe")
	}
}

// TestInterruptedPromptLearningGoesOn interrupts the command as Ctrl-C does,
// once it has written its recipe.
func TestInterruptedPromptLearningGoesOn(t *testing.T) {
	dir := t.TempDir()
	root := folderSet(t, filepath.Join(dir, "colours"), 2, 1)
	whole, parts := filepath.Join(dir, "whole"), filepath.Join(dir, "parts")
	args := func(out string) []string {
		return learn(root, out, "kgcoop", "--epochs", "150", "--bank", filepath.Join(dir, "bank"))
	}
	mustRun(t, args(whole)...)
	c := exec.Command(os.Args[0], args(parts)...)
	c.Env = append(os.Environ(), asCommand+"=1")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for range 2000 {
		if _, err := os.Stat(filepath.Join(parts, "checkpoint.safetensors")); err == nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	c.Process.Signal(os.Interrupt)
	c.Wait()
	if code := c.ProcessState.ExitCode(); code != 130 {
		t.Fatalf("exit code %d after an interruption, want 130", code)
	}
	mustRun(t, args(parts)...)
	sameFiles(t, whole, parts)
}

func TestPromptsServeOtherClasses(t *testing.T) {
	dir := t.TempDir()
	root := folderSet(t, filepath.Join(dir, "colours"), 2, 2)
	out := filepath.Join(dir, "run")
	mustRun(t, learn(root, out, "coop", "--vectors", "2")...)
	list := filepath.Join(root, "two.tsv")
	writeFile(t, list, []byte("test/grass/00.png\t0\tmoss\ntest/red_rose/00.png\t1\tred rose\n"))
	mustRun(t, "eval", out, "--data", list)
	n, k, _, err := npy.ReadMatrix(filepath.Join(out, "targets", "two", "logits.npy"))
	if err != nil || n != 2 || k != 2 {
		t.Errorf("logits [%d, %d], %v", n, k, err)
	}
	own := filepath.Join(dir, "own")
	mustRun(t, learn(root, own, "coop", "--vectors", "2", "--class-specific")...)
	mustRun(t, "eval", own, "--data", root)
	fails(t, []string{"eval", own, "--data", list}, "class-specific")
}

func TestPromptsOfASingleClass(t *testing.T) {
	dir := t.TempDir()
	root := filepath.Join(dir, "one")
	for i := range 2 {
		writePNG(t, filepath.Join(root, "grass", string(rune('a'+i))+".png"), picture(1, i))
	}
	for _, method := range []string{"coop", "maple"} {
		out := filepath.Join(dir, method)
		mustRun(t, learn(root, out, method, append(settingsOf(method), "--remedy", "zs-norm")...)...)
		mustRun(t, "eval", out, "--data", root)
		if m := metricsIn(t, readFile(t, filepath.Join(out, "targets", "one", "metrics.json"))); m["accuracy"] != 1 {
			t.Errorf("%s: accuracy %g of one class", method, m["accuracy"])
		}
	}
}

func TestUnreadablePicturesAreLeftOutOfPromptLearning(t *testing.T) {
	dir := t.TempDir()
	root := folderSet(t, filepath.Join(dir, "colours"), 2, 2)
	writeFile(t, filepath.Join(root, "train", "grass", "01.png"), nil)
	writeFile(t, filepath.Join(root, "test", "red_rose", "00.png"), nil)
	out := filepath.Join(dir, "run")
	if o := partly(t, learn(root, out, "maple", "--depth", "2")...); !strings.Contains(o.err, "grass/01.png") {
		t.Errorf("the picture is not named: %s", o.err)
	}
	partly(t, "eval", out, "--data", root)
	labels, err := npy.ReadLabels(filepath.Join(out, "targets", "colours", "labels.npy"))
	if err != nil || !slices.Equal(labels, []int{0, 0, 1, 1, 2}) {
		t.Errorf("labels %v, %v", labels, err)
	}
}

func TestACheckpointOfDasslIsEvaluatedAsARun(t *testing.T) {
	dir := t.TempDir()
	root := folderSet(t, filepath.Join(dir, "colours"), 2, 2)
	ours := filepath.Join(dir, "ours")
	mustRun(t, learn(root, ours, "coop", "--vectors", "2")...)
	mustRun(t, "eval", ours, "--data", root)
	// The same vectors as Dassl saves them.
	f, err := weights.Open(filepath.Join(ours, "prompts.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ctx, _ := f.Lookup("prompt_learner.ctx")
	vectors, err := ctx.Float32()
	if err != nil {
		t.Fatal(err)
	}
	theirs := filepath.Join(dir, "model.pth.tar-50")
	if err := weights.WritePyTorch(theirs, []weights.NamedTensor{{Name: "ctx", Shape: ctx.Shape, Data: vectors}},
		weights.TorchOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, remedy := range []string{"none", "sals"} {
		out := filepath.Join(dir, "theirs-"+remedy)
		args := []string{"eval", theirs, "--weights", tinyModel(), "--data", root, "--remedy", remedy, "--out", out}
		mustRun(t, args...)
		same := bytes.Equal(readFile(t, filepath.Join(out, "targets", "colours", "logits.npy")),
			readFile(t, filepath.Join(ours, "targets", "colours", "logits.npy")))
		if same != (remedy == "none") {
			t.Errorf("remedy %s: the logits are those of our run: %v", remedy, same)
		}
		mustRun(t, args...) // a second time
		mustRun(t, "report", out, "--format", "text")
	}
	fails(t, []string{"eval", theirs, "--data", root, "--out", dir}, "--weights")
	fails(t, []string{"eval", theirs, "--weights", tinyModel(), "--data", root}, "--out")
	fails(t, []string{"eval", tinyModel(), "--weights", tinyModel(), "--data", root, "--out", filepath.Join(dir, "x")},
		"no learned prompts")
	fails(t, []string{"eval", ours, "--data", root, "--remedy", "sals"}, "has its own")
}

func TestBadPromptLearningSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	root := folderSet(t, filepath.Join(dir, "colours"), 2, 1)
	long := filepath.Join(dir, "long")
	for _, name := range []string{"grass", strings.TrimSpace(strings.Repeat("moss ", 40))} {
		writePNG(t, filepath.Join(long, name, "a.png"), picture(1, 1))
	}
	out := filepath.Join(dir, "run")
	for _, c := range []struct {
		args  []string
		words []string
	}{
		{learn(long, out, "coop", "--vectors", "40", "--shots", "1"), []string{"40 context vectors", "77",
			"at most 34"}},
		{learn(root, out, "coop", "--vectors", "-1"), []string{"--vectors"}},
		{learn(root, out, "kgcoop", "--vectors", "2"), []string{"2 context vectors for the 4 tokens"}},
		{learn(root, out, "maple", "--depth", "9"), []string{"depth 9", "1 to 2"}},
		{learn(root, out, "kgcoop", "--depth", "2"), []string{"--depth", "kgcoop"}},
		{learn(root, out, "maple", "--class-specific"), []string{"--class-specific"}},
		{learn(root, out, "coop", "--optimizer", "adamw"), []string{"--optimizer", "sgd"}},
		{learn(root, out, "coop", "--compat", "clipcalib"), []string{"--compat"}},
		{learn(root, out, "coop", "--schedule", "none"), []string{"schedule", "step-cosine"}},
		{learn(root, out, "coop", "--epsilon", "1e-4"), []string{"--epsilon", "sgd"}},
		{learn(root, out, "taskres", "--epsilon", "1e-4"), []string{"epsilon", "sgd"}},
		{learn(root, out, "coop", "--lr", "-1"), []string{"learning rate"}},
		{learn(root, out, "coup"), []string{"coup", "coop", "taskres"}},
		{learn(root, out, "taskres", "--vectors", "2"), []string{"--vectors", "taskres"}},
		{[]string{"adapt", "coop", "--features", "f.safetensors", "--out", out}, []string{"features alone"}},
	} {
		fails(t, c.args, c.words...)
		if _, err := os.Stat(out); err == nil {
			t.Fatalf("%v left a run behind", c.args)
		}
	}
	mustRun(t, learn(root, out, "coop", "--vectors", "2")...)
	fails(t, []string{"eval", out, "--features", "f.safetensors"}, "f.safetensors")
	features := makeClusters(3, 2, 12, 1, 1).write(t, filepath.Join(dir, "f.safetensors"))
	fails(t, []string{"eval", out, "--features", features}, "need the model", "--weights")
	fails(t, []string{"demo", "--families", "adapters,prompt"}, "--families", `"prompt"`, "test-time")
	fails(t, []string{"demo", "--families", "test-time", "--images", "0"}, "--images")
}

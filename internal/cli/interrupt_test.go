package cli

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// interrupt starts the command in a process of its own, sends SIGINT once
// ready says so, and returns what came of it.
func interrupt(t *testing.T, ready func() bool, args ...string) outcome {
	t.Helper()
	return signalled(t, os.Interrupt, ready, args...)
}

func signalled(t *testing.T, signal os.Signal, ready func() bool, args ...string) outcome {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("no SIGINT to send on Windows")
	}
	c := exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), asCommand+"=1")
	var out, stderr bytes.Buffer
	c.Stdout, c.Stderr = &out, &stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	deadline := time.After(60 * time.Second)
	for sent := false; ; {
		select {
		case err := <-ended:
			o := outcome{out: out.String(), err: stderr.String()}
			if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
				o.code = exit.ExitCode()
			}
			return o
		case <-deadline:
			c.Process.Kill()
			t.Fatalf("clipcalib %s did not end", strings.Join(args, " "))
		case <-time.After(5 * time.Millisecond):
			if !sent && ready() {
				c.Process.Signal(signal)
				sent = true
			}
		}
	}
}

// exists waits for a file and then so long that work is under way.
func exists(path string, then time.Duration) func() bool {
	var seen time.Time
	return func() bool {
		if _, err := os.Stat(path); err != nil {
			return false
		}
		if seen.IsZero() {
			seen = time.Now()
		}
		return time.Since(seen) >= then
	}
}

func interrupted(t *testing.T, o outcome) {
	t.Helper()
	if o.code != 130 {
		t.Fatalf("exit code %d after Ctrl-C: %s", o.code, o.err)
	}
	if want := "clipcalib: interrupted; the same command goes on where it stopped\n"; !strings.HasSuffix(o.err, want) {
		t.Errorf("the last line is not %q: %q", want, o.err)
	}
}

func TestAnInterruptedTrainingGoesOnToTheSameBytes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	train := makeClusters(20, 40, 64, 1, 1).write(t, filepath.Join(dir, "train.safetensors"))
	for _, method := range []string{"taskres", "clip-adapter"} {
		args := func(out string) []string {
			return []string{"adapt", method, "--remedy", "zs-norm", "--features", train, "--epochs", "400", "--batch",
				"64", "--threads", "1", "--out", filepath.Join(dir, method, out)}
		}
		broken := filepath.Join(dir, method, "broken")
		o := interrupt(t, exists(filepath.Join(broken, "recipe.yaml"), 100*time.Millisecond), args("broken")...)
		interrupted(t, o)
		if _, err := os.Stat(filepath.Join(broken, "adapter.safetensors")); err == nil {
			t.Error("an interrupted run has its adapter")
		}
		fails(t, []string{"eval", broken, "--features", train}, broken, "no finished run")
		mustRun(t, args("broken")...)
		mustRun(t, args("whole")...)
		sameFiles(t, broken, filepath.Join(dir, method, "whole"))
	}
}

func TestAnInterruptedPretrainingGoesOnToTheSameBytes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	table, recipe := pretrainInputs(t, dir)
	args := func(out string) []string {
		return []string{"pretrain", "--data", table, "--recipe", recipe, "--steps", "120", "--checkpoint-every", "5",
			"--threads", "1", "--out", filepath.Join(dir, out, "w.pt")}
	}
	o := interrupt(t, exists(filepath.Join(dir, "broken", "w.pt.checkpoint"), 30*time.Millisecond), args("broken")...)
	interrupted(t, o)
	if _, err := os.Stat(filepath.Join(dir, "broken", "w.pt")); err == nil {
		t.Error("an interrupted pretraining has its model")
	}
	if o := mustRun(t, args("broken")...); !strings.Contains(o.err, "going on at step") {
		t.Errorf("the second time: %s", o.err)
	}
	mustRun(t, args("whole")...)
	sameFiles(t, filepath.Join(dir, "broken"), filepath.Join(dir, "whole"))
}

func TestAnInterruptedEncodingLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := filepath.Join(dir, "in", "0.png")
	writePNG(t, first, image.NewNRGBA(image.Rect(0, 0, 900, 900)))
	for i := range 2000 {
		if err := os.Link(first, filepath.Join(dir, "in", fmt.Sprintf("%d.png", i+1))); err != nil {
			t.Skipf("no links on this file system: %v", err)
		}
	}
	args := []string{"encode", "--weights", tinyModel(), "--out", filepath.Join(dir, "out", "f.npy"), "--images",
		filepath.Join(dir, "in")}
	start := time.Now()
	o := interrupt(t, func() bool { return time.Since(start) > 300*time.Millisecond }, args...)
	if o.code != 130 {
		t.Fatalf("exit code %d: %s", o.code, o.err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "out", "*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q (%v)", left, err)
	}
}

func TestATerminatedTrainingSaysSo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	train := makeClusters(20, 40, 64, 1, 1).write(t, filepath.Join(dir, "train.safetensors"))
	out := filepath.Join(dir, "run")
	o := signalled(t, syscall.SIGTERM, exists(filepath.Join(out, "recipe.yaml"), 100*time.Millisecond),
		"adapt", "taskres", "--features", train, "--epochs", "4000", "--batch", "64", "--threads", "1", "--out", out)
	if o.code != 143 {
		t.Errorf("exit code %d after SIGTERM: %s", o.code, o.err)
	}
}

// TestOnlyWhatGoesOnSaysSo: bench and encode begin anew, and end at once.
func TestOnlyWhatGoesOnSaysSo(t *testing.T) {
	var sent time.Time
	start := time.Now()
	o := interrupt(t, func() bool { sent = time.Now(); return time.Since(start) > time.Second },
		"bench", "--models", "ViT-B/32", "--time", "30s", "-q")
	// one, and what a busy machine adds
	if took := time.Since(sent); o.code != 130 || o.err != "clipcalib: interrupted\n" || took > 3*time.Second {
		t.Errorf("bench: exit code %d after %v: %q", o.code, took, o.err)
	}
}

// TestPipesAreRefusedBeforeTheyAreOpened: to open one waits for its other end.
func TestPipesAreRefusedBeforeTheyAreOpened(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	train, _ := featureFiles(t, dir)
	pipe := func(name string) string {
		path := filepath.Join(dir, name)
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Skipf("no pipes on this file system: %v", err)
		}
		return path
	}
	run := filepath.Join(dir, "run")
	mustRun(t, "adapt", "taskres", "--features", train, "--epochs", "1", "--out", run)
	weights, lines, table := pipe("w.safetensors"), pipe("lines.txt"), pipe("t.npy")
	for _, args := range [][]string{
		{"inspect", weights},
		{"encode", "--weights", weights, "--texts", train, "--out", filepath.Join(dir, "o.npy")},
		{"encode", "--weights", tinyModel(), "--texts", lines, "--out", filepath.Join(dir, "o.npy")},
		{"zeroshot", "--weights", tinyModel(), "--data", lines},
		{"adapt", "taskres", "--features", weights, "--out", filepath.Join(dir, "x")},
		{"adapt", "taskres", "--features", train, "--init", weights, "--out", filepath.Join(dir, "x")},
		{"adapt", "taskres", "--weights", tinyModel(), "--data", lines, "--shots", "1", "--out", filepath.Join(dir,
			"x")},
		{"eval", run, "--features", weights},
		{"calibrate", "--logits", table, "--labels", table},
		{"convert", weights, filepath.Join(dir, "c.safetensors")},
		{"pretrain", "--data", lines, "--recipe", lines, "--out", filepath.Join(dir, "p.pt")},
		{"bench", "--show", table},
	} {
		ended := make(chan outcome, 1)
		go func() { ended <- command(args...) }()
		select {
		case o := <-ended:
			if o.code != 1 && o.code != 2 || !strings.Contains(o.err, "pipe") &&
				!strings.Contains(o.err, "neither a file nor a folder") {
				t.Errorf("clipcalib %s: exit code %d: %s", strings.Join(args, " "), o.code, o.err)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("clipcalib %s waits for the pipe", strings.Join(args, " "))
		}
	}
}

// TestTwoProcessesOnOneFolder: both end right, and as one would.
func TestTwoProcessesOnOneFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	train, test := featureFiles(t, dir)
	set := folderSet(t, filepath.Join(dir, "set"), 2, 3)
	both, alone := filepath.Join(dir, "both"), filepath.Join(dir, "alone")
	for _, args := range []func(out string) []string{
		func(out string) []string {
			return []string{"adapt", "clip-adapter", "--features", train, "--epochs", "300", "--out", filepath.Join(out,
				"run")}
		},
		func(out string) []string { return []string{"eval", filepath.Join(out, "run"), "--features", test} },
		func(out string) []string {
			return []string{"tta", "tpt", "--weights", tinyModel(), "--data", set, "--views", "8", "--out",
				filepath.Join(out, "tuned")}
		},
	} {
		ended := make(chan outcome, 3)
		for range 3 {
			go func() { ended <- interrupt(t, func() bool { return false }, args(both)...) }()
		}
		for range 3 {
			if o := <-ended; o.code != 0 {
				t.Errorf("clipcalib %s: exit code %d: %s", strings.Join(args(both), " "), o.code, o.err)
			}
		}
		mustRun(t, args(alone)...)
	}
	sameFiles(t, both, alone)
	mustRun(t, "runs", "verify", both)
}

// TestTheZeroShotRunFillsItsRow: its own row, not only the reference.
func TestTheZeroShotRunFillsItsRow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	train, test := featureFiles(t, dir)
	out := filepath.Join(dir, "run")
	mustRun(t, "adapt", "zero-shot", "--features", train, "--out", out)
	mustRun(t, "eval", out, "--features", test)
	for _, args := range [][]string{{"report", out, "--format", "text"}, {"runs", "show", out}} {
		if o := mustRun(t, args...); !strings.Contains(o.out, "test") || strings.Contains(o.out, "–") || o.err != "" {
			t.Errorf("clipcalib %s:\n%s%s", strings.Join(args, " "), o.out, o.err)
		}
	}
}

// Package examples_test builds and runs the programs of the examples.
package examples_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// program runs a program that was built in dir and returns its output.
func program(t *testing.T, dir string, env []string, args ...string) string {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(t.TempDir(), "program")
	build := exec.Command("go", "build", "-o", bin, ".")
	build.Dir, build.Env = dir, append(os.Environ(), env...)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", dir, err, out)
	}
	c := exec.Command(bin, append([]string{"-root", root}, args...)...)
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", dir, err, &stderr)
	}
	return string(out)
}

func TestPredict(t *testing.T) {
	got := program(t, "predict", nil)
	for i, want := range []string{"tangerine.png: fruit, ", "taxi.png: vehicle, ", "screwdriver.png: tool, "} {
		if lines := strings.Split(got, "\n"); len(lines) != 4 || !strings.HasPrefix(lines[i], want) {
			t.Errorf("output %q, want %q", got, want)
		}
	}
}

func TestRemedy(t *testing.T) {
	got := program(t, "remedy", nil)
	lines := strings.Split(strings.TrimSpace(got), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "none {}") || !strings.HasPrefix(lines[1],
		"tether {Weight:0.1}") || !strings.HasPrefix(lines[2], "tether {Weight:0.02}") {
		t.Errorf("output %q", got)
	}
}

func TestAdapter(t *testing.T) {
	if got := program(t, "adapter", nil); got != "hammer.png by gate: tool\ntaxi.png by gate: vehicle\n" {
		t.Errorf("output %q", got)
	}
}

func TestServer(t *testing.T) {
	if got := program(t, "server", nil, "-once"); !strings.HasSuffix(got, " of 3\n") || !strings.HasPrefix(got, "a ") {
		t.Errorf("output %q", got)
	}
}

// A module of its own is built from the module cache alone, as its go.mod and
// go.sum say.
func TestModule(t *testing.T) {
	if got := program(t, "module", []string{"GOFLAGS=-mod=mod", "GOPROXY=off",
		"GOWORK=off"}); got != "apple is a fruit: true\n" {
		t.Errorf("output %q", got)
	}
}

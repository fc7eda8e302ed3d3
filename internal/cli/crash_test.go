package cli

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"clipcalib/adapt"
	"clipcalib/calib"
	"clipcalib/internal/exitcode"
)

// brittle is a remedy that does nothing, or panics while a test wants it to.
type brittle struct{}

var breaks atomic.Bool

func (brittle) Name() string      { return "brittle-test" }
func (brittle) Choices() []string { return []string{"remedy: brittle-test"} }
func (brittle) MapInference(l, _ calib.Matrix) (calib.Matrix, error) {
	if breaks.Load() {
		var none []float64
		_ = none[l.N]
	}
	return l, nil
}

func init() {
	if err := adapt.RegisterRemedy(brittle{}); err != nil {
		panic(err)
	}
}

// A panic is the failure of the cell it happened in: one line, with the trace
// in the cell's folder; the other cells go on. Not parallel: others use every
// remedy there is.
func TestAPanicIsACellsFailure(t *testing.T) {
	dir := t.TempDir()
	train, test := featureFiles(t, dir)
	set, bank := folderSet(t, filepath.Join(dir, "set"), 2, 2), filepath.Join(dir, "bank")
	adapted := []string{"adapt", "zslp", "--remedy", "none,brittle-test", "--features", train, "--targets", test,
		"--epochs", "2", "--out", filepath.Join(dir, "adapt")}
	tuned := []string{"tta", "tpt", "--remedy", "none,brittle-test", "--weights", tinyModel(), "--bank", bank, "--data",
		set, "--views", "4", "--out", filepath.Join(dir, "tta")}
	evaluated := []string{"eval", filepath.Join(dir, "runs"), "--bank", bank, "--data", set}
	for _, r := range []string{"none", "brittle-test"} {
		mustRun(t, "adapt", "zslp", "--remedy", r, "--weights", tinyModel(), "--bank", bank, "--data", set, "--shots",
			"2", "--epochs", "2", "--views", "-1", "--out", filepath.Join(dir, "runs", r))
	}
	for _, args := range [][]string{adapted, tuned, evaluated} {
		breaks.Store(true)
		o := command(append(args, "-q")...)
		breaks.Store(false)
		if o.code != exitcode.Failed || strings.Contains(o.err, "goroutine") ||
			!strings.Contains(o.err, "1 of 2 cells failed") || strings.Count(o.err,
			"internal error: runtime error: index") != 1 {
			t.Fatalf("%s: exit code %d: %s", args[0], o.code, o.err)
		}
		_, path, _ := strings.Cut(o.err, "(please report it, with ")
		path, _, _ = strings.Cut(path, ")")
		if trace := string(readFile(t, path)); !strings.Contains(trace, "brittle.MapInference") ||
			!strings.HasPrefix(path, dir) {
			t.Errorf("%s: %s holds %q", args[0], path, trace)
		}
		if n := states(gridOf(t, 0, args...)); n[cellFailed] != 0 {
			t.Errorf("%s, again: %v", args[0], n)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s: %s outlives the failure", args[0], path)
		}
	}
	// Alone it is the command's failure, in one line as well.
	breaks.Store(true)
	defer breaks.Store(false)
	fresh := folderSet(t, filepath.Join(dir, "fresh"), 0, 1)
	o := command("eval", filepath.Join(dir, "runs", "brittle-test"), "--bank", bank, "--data", fresh)
	if o.code != exitcode.Failed || strings.Contains(o.err, "goroutine") || !strings.Contains(o.err,
		"CLIPCALIB_TRACE") {
		t.Errorf("exit code %d: %s", o.code, o.err)
	}
}

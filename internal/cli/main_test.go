package cli

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"image"
	"image/color"
	"image/png"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"clipcalib/internal/cliptest"
	"clipcalib/internal/exitcode"
	"clipcalib/weights"
)

// asCommand in the environment makes the test binary the command itself, for
// tests that interrupt it.
const asCommand = "CLIPCALIB_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		os.Exit(Main(os.Args[1:], os.Stdout, os.Stderr))
	}
	code := 1
	dir, err := os.MkdirTemp("", "clipcalib-cli-")
	if err == nil {
		fixtures = dir
		os.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "cache"))
		code = m.Run()
		os.RemoveAll(dir)
	} else {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// fixtures is a folder for what many tests read and none changes.
var fixtures string

// outcome is what a command printed and returned.
type outcome struct {
	out, err string
	code     int
}

func command(args ...string) outcome {
	var out, err bytes.Buffer
	code := Main(args, &out, &err)
	return outcome{out.String(), err.String(), code}
}

// mustRun runs a command that must succeed.
func mustRun(t *testing.T, args ...string) outcome {
	t.Helper()
	o := command(args...)
	if o.code != 0 {
		t.Fatalf("clipcalib %s: exit code %d: %s", strings.Join(args, " "), o.code, o.err)
	}
	return o
}

// partly runs a command that must end with what it could not read left out.
func partly(t *testing.T, args ...string) outcome {
	t.Helper()
	o := command(args...)
	if o.code != exitcode.Partial {
		t.Fatalf("clipcalib %s: exit code %d, want %d: %s", strings.Join(args, " "), o.code, exitcode.Partial, o.err)
	}
	return o
}

// fails runs a command that must fail with one clear line: it holds every one
// of the words, nothing else than notes comes before it, and the exit code is
// that of a failure or of wrong usage.
func fails(t *testing.T, args []string, words ...string) {
	t.Helper()
	o := command(args...)
	what := "clipcalib " + strings.Join(args, " ")
	if o.code != 1 && o.code != 2 {
		t.Fatalf("%s: exit code %d, want 1 or 2: %s", what, o.code, o.err)
	}
	if o.out != "" {
		t.Errorf("%s: standard output after a failure: %q", what, o.out)
	}
	var lines []string
	for line := range strings.Lines(o.err) {
		if strings.HasPrefix(line, "clipcalib: ") {
			lines = append(lines, line)
		}
	}
	if len(lines) != 1 || !strings.HasSuffix(o.err, lines[0]) {
		t.Fatalf("%s: want one line that says what is wrong, as the last: %q", what, o.err)
	}
	for _, bad := range []string{"goroutine", "panic", "runtime error", "internal error", "%!", "<nil>"} {
		if strings.Contains(o.err, bad) {
			t.Errorf("%s: %q in the message: %s", what, bad, o.err)
		}
	}
	for _, w := range words {
		if !strings.Contains(lines[0], w) {
			t.Errorf("%s: %q is missing in: %s", what, w, lines[0])
		}
	}
}

// failsClean is fails, and no file below dir may appear, change or go.
func failsClean(t *testing.T, dir string, args []string, words ...string) {
	t.Helper()
	before := listing(t, dir)
	fails(t, args, words...)
	if after := listing(t, dir); !slices.Equal(before, after) {
		t.Errorf("clipcalib %s left something behind:\nbefore %q\nafter  %q", strings.Join(args, " "), before, after)
	}
}

// listing is every file below dir with a hash of its content.
func listing(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			content = []byte(err.Error())
		}
		h := fnv.New64a()
		h.Write(content)
		rel, _ := filepath.Rel(dir, path)
		files = append(files, fmt.Sprintf("%s %d %x", rel, len(content), h.Sum64()))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// tinyModel is a checkpoint of random weights.
var tinyModel = sync.OnceValue(func() string {
	path := filepath.Join(fixtures, "tiny.pt")
	if err := cliptest.Write(path, cliptest.Tiny(), 1); err != nil {
		panic(err)
	}
	return path
})

// colours are the classes of the pictures: one colour each, with noise.
var colours = []struct {
	name string
	rgb  [3]float64
}{{"blue_sky", [3]float64{40, 60, 220}}, {"grass", [3]float64{40, 200, 60}}, {"red_rose", [3]float64{220, 30, 50}}}

func picture(class, seed int) image.Image {
	rng := rand.New(rand.NewPCG(uint64(class), uint64(seed)))
	w, h := 18+rng.IntN(12), 18+rng.IntN(12)
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			var c [3]uint8
			for j := range c {
				c[j] = uint8(min(255, max(0, colours[class].rgb[j]+30*rng.NormFloat64())))
			}
			img.SetNRGBA(x, y, color.NRGBA{c[0], c[1], c[2], 255})
		}
	}
	return img
}

func writePNG(t testing.TB, path string, img image.Image) {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, b.Bytes())
}

func writeFile(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// folderSet writes a set of train and test folders, so many pictures a class.
func folderSet(t testing.TB, dir string, train, test int) string {
	t.Helper()
	for k, c := range colours {
		for i := range train {
			writePNG(t, filepath.Join(dir, "train", c.name, fmt.Sprintf("%02d.png", i)), picture(k, i))
		}
		for i := range test {
			writePNG(t, filepath.Join(dir, "test", c.name, fmt.Sprintf("%02d.png", i)), picture(k, 1000+i))
		}
	}
	return dir
}

// clusters are features around one direction a class, with labels and
// prototypes that are near those directions.
type clusters struct {
	features, prototypes [][]float32
	labels               []int64
}

func makeClusters(classes, each, width int, noise float64, seed uint64) (c clusters) {
	directions := rand.New(rand.NewPCG(9, 9)) // of every set the same
	rng := rand.New(rand.NewPCG(seed, 7))
	for k := range classes {
		centre, near := make([]float32, width), make([]float32, width)
		for j := range centre {
			centre[j] = float32(directions.NormFloat64())
			near[j] = centre[j] + float32(directions.NormFloat64())
		}
		c.prototypes = append(c.prototypes, near)
		for range each {
			f := make([]float32, width)
			for j := range f {
				f[j] = centre[j] + float32(noise*rng.NormFloat64())
			}
			c.features, c.labels = append(c.features, f), append(c.labels, int64(k))
		}
	}
	return c
}

func (c clusters) write(t testing.TB, path string) string {
	t.Helper()
	tensors := []weights.NamedTensor{matrixOf("features", c.features)}
	if c.prototypes != nil {
		tensors = append(tensors, matrixOf("text_features", c.prototypes))
	}
	if c.labels != nil {
		tensors = append(tensors, weights.NamedTensor{Name: "labels", Shape: []int{len(c.labels)}, DType: weights.I64,
			Ints: c.labels})
	}
	if err := weights.WriteSafetensors(path, tensors, nil); err != nil {
		t.Fatal(err)
	}
	return path
}

func matrixOf(name string, rows [][]float32) weights.NamedTensor {
	return weights.NamedTensor{Name: name, Shape: []int{len(rows), len(rows[0])}, Data: slices.Concat(rows...)}
}

// near reports whether two rows agree to a relative 1e-5.
func near(a, b []float32) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if d := math.Abs(float64(a[i] - b[i])); !(d <= 1e-5*(1+math.Abs(float64(b[i])))) {
			return false
		}
	}
	return true
}

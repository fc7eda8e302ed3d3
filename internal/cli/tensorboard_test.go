package cli

import (
	"bytes"
	"encoding/binary"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// scalars reads the event files below a folder: the values of every tag, by run.
func scalars(t *testing.T, dir string) map[string]map[string][]float64 {
	t.Helper()
	out := map[string]map[string][]float64{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if !strings.Contains(d.Name(), "tfevents") {
			t.Errorf("%s is no event file", path)
		}
		run, _ := filepath.Rel(dir, filepath.Dir(path))
		if out[run] == nil {
			out[run] = map[string][]float64{}
		}
		for b := readFile(t, path); len(b) > 0; {
			n := binary.LittleEndian.Uint64(b)
			for summary := range fields(b[12:12+n], 5) {
				for v := range fields(summary, 1) {
					tag := ""
					for name := range fields(v, 1) {
						tag = string(name)
					}
					at := bytes.Index(v, append([]byte(tag), 0x15)) // behind it field 2, a float
					if at < 0 {
						out[run][tag] = append(out[run][tag], math.NaN()) // a histogram
						continue
					}
					bits := binary.LittleEndian.Uint32(v[at+len(tag)+1:])
					out[run][tag] = append(out[run][tag], float64(math.Float32frombits(bits)))
				}
			}
			b = b[16+n:]
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// fields yields the messages and texts of a number.
func fields(b []byte, want protowire.Number) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(b) > 0 {
			number, kind, n := protowire.ConsumeTag(b)
			if n < 0 {
				return
			}
			m := protowire.ConsumeFieldValue(number, kind, b[n:])
			if m < 0 {
				return
			}
			if number == want && kind == protowire.BytesType {
				if v, _ := protowire.ConsumeBytes(b[n:]); !yield(v) {
					return
				}
			}
			b = b[n+m:]
		}
	}
}

// All families write curves, and train to the same bytes as without.
func TestTrainingsWriteEventsForTensorBoard(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	set := folderSet(t, filepath.Join(dir, "set"), 2, 3)
	more := []string{"--weights", tinyModel(), "--bank", filepath.Join(dir, "bank"), "--data", set}
	for name, args := range map[string][]string{
		"taskres": {"adapt", "taskres", "--remedy", "penalty", "--shots", "2", "--views", "1", "--epochs", "3"},
		"coop":    {"adapt", "coop", "--shots", "2", "--views", "2", "--batch", "2", "--epochs", "2"},
		"maple":   {"adapt", "maple", "--shots", "1", "--views", "2", "--epochs", "2", "--depth", "2"},
		"tpt":     {"tta", "tpt", "--remedy", "sals", "--views", "4", "--keep", "0.5"},
	} {
		plain, seen := filepath.Join(dir, "plain", name), filepath.Join(dir, "seen", name)
		events := filepath.Join(dir, "events", name)
		mustRun(t, slices.Concat(args, more, []string{"--out", plain, "-q"})...)
		mustRun(t, slices.Concat(args, more, []string{"--out", seen, "-q", "--tensorboard", events})...)
		for _, file := range []string{"adapter.safetensors", "prompts.safetensors", "recipe.yaml", "log.txt",
			"targets/set/logits.npy"} {
			a, errA := os.ReadFile(filepath.Join(plain, file))
			b, errB := os.ReadFile(filepath.Join(seen, file))
			if !bytes.Equal(a, b) || (errA == nil) != (errB == nil) {
				t.Errorf("%s: %s is another with --tensorboard", name, file)
			}
		}
		found := scalars(t, events)
		run, steps, prefix := name, map[string]int{"taskres": 3, "coop": 6, "maple": 2, "tpt": 9}[name], "train/"
		if name == "tpt" {
			run, prefix = "tpt/set", "tuning/"
		}
		if got := slices.Collect(maps.Keys(found)); len(got) != 1 || got[0] != run {
			t.Fatalf("%s: runs %q", name, got)
		}
		of := found[run]
		if len(of[prefix+"loss"]) != steps || len(of[prefix+"lr"]) != steps || len(of[prefix+"logit_range"]) == 0 {
			t.Errorf("%s: %v", name, of)
		}
		for tag, values := range of {
			for _, v := range values {
				if (math.IsNaN(v) || v < 0) && !strings.HasSuffix(tag, "logit_ranges") {
					t.Errorf("%s: %s is %v", name, tag, values)
				}
			}
		}
		if name == "tpt" && len(of["test/set/ece"]) != 1 {
			t.Errorf("tpt: no metrics of its target: %v", of)
		}
		// What is there is not trained again, and has no curves.
		mustRun(t, slices.Concat(args, more, []string{"--out", seen, "-q", "--tensorboard", events + "-again"})...)
		if _, err := os.Stat(events + "-again"); err == nil {
			t.Errorf("%s: events of a run that was there", name)
		}
	}
}

func TestAGridWritesEventsOfEveryCell(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	train := makeClusters(4, 8, 8, 1, 1).write(t, filepath.Join(dir, "train.safetensors"))
	test := makeClusters(4, 8, 8, 1, 2).write(t, filepath.Join(dir, "test.safetensors"))
	events := filepath.Join(dir, "events")
	gridOf(t, 0, "adapt", "zslp,taskres", "--remedy", "none,sals", "--epochs", "4", "--features", train, "--targets",
		test, "--out", filepath.Join(dir, "grid"), "--tensorboard", events)
	found := scalars(t, events)
	curves := 0
	for run, of := range found {
		if len(of["test/test/ece"]) != 1 || len(of["test/test/zero_shot_ece"]) != 1 ||
			len(of["test/test/logit_ranges"]) != 1 {
			t.Errorf("%s: %v", run, of)
		}
		if len(of["train/loss"]) == 4 {
			curves++
		}
	}
	// SaLS takes the parameters of its twin.
	if len(found) != 4 || curves != 2 {
		t.Errorf("%d runs, %d with curves", len(found), curves)
	}
}

// On a validation fold among the targets adapters are measured after every epoch,
// and train to the same bytes.
func TestAdaptersAreValidatedAfterEveryEpoch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	set := folderSet(t, filepath.Join(dir, "set"), 2, 3)
	for k, c := range colours {
		writePNG(t, filepath.Join(set, "val", c.name, "0.png"), picture(k, 500))
	}
	args := []string{"adapt", "taskres,clap", "--remedy", "none,penalty", "--shots", "2", "--views", "-1", "--epochs",
		"4",
		"--weights", tinyModel(), "--bank", filepath.Join(dir, "bank"), "--data", set, "--targets", set + "," + set +
			"#val"}
	cells := gridOf(t, 0, slices.Concat(args, []string{"--out", filepath.Join(dir, "plain")})...)
	events := filepath.Join(dir, "events")
	gridOf(t, 0, slices.Concat(args, []string{"--out", filepath.Join(dir, "seen"), "--tensorboard", events})...)
	found := scalars(t, events)
	for _, c := range cells {
		name := filepath.Base(c.Run)
		a, b := filepath.Join(dir, "plain", name), filepath.Join(dir, "seen", name)
		if !bytes.Equal(readFile(t, filepath.Join(a, "adapter.safetensors")), readFile(t, filepath.Join(b,
			"adapter.safetensors"))) {
			t.Errorf("%s: other parameters with --tensorboard", name)
		}
		of := found[name]
		var tag string
		for name := range of {
			if strings.HasPrefix(name, "val/") && strings.HasSuffix(name, "/ece") {
				tag = name
			}
		}
		// Four epochs, and the evaluation at the end, which says the same as the last.
		if v := of[tag]; len(v) != 5 || math.Abs(v[3]-v[4]) > 1e-6 {
			t.Errorf("%s: %s is %v", name, tag, v)
		}
		if len(of["test/set/ece"]) != 1 {
			t.Errorf("%s: the test fold: %v", name, of["test/set/ece"])
		}
	}
	if len(cells) != 4 {
		t.Errorf("%d cells", len(cells))
	}
}

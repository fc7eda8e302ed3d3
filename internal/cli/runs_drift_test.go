package cli

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

func TestRunsDriftTellsHowOftenTheWarningComes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	train := makeClusters(4, 50, 8, 1, 1).write(t, filepath.Join(dir, "train.safetensors"))
	home := makeClusters(4, 50, 8, 1, 2).write(t, filepath.Join(dir, "home.safetensors"))
	far := makeClusters(4, 50, 8, 9, 3).write(t, filepath.Join(dir, "far.safetensors"))
	runs := filepath.Join(dir, "runs")
	mustRun(t, "adapt", "taskres", "--remedy", "none,sals", "--epochs", "60", "--features", train, "--targets",
		home+","+far, "--out", runs, "-q")
	o := mustRun(t, "runs", "drift", runs, "--json")
	var got struct {
		Rows   []driftRow
		Mapped int
	}
	if err := json.Unmarshal([]byte(o.out), &got); err != nil || len(got.Rows) != 2 || got.Mapped != 1 {
		t.Fatalf("%v: %s", err, o.out)
	}
	at := map[string]driftRow{}
	for _, r := range got.Rows {
		at[r.Target] = r
	}
	if h, f := at["home"], at["far"]; h.Batches["64"] >= f.Batches["64"] || f.Batches["64"] < 0.5 ||
		f.Batches["16"] > f.Batches["64"] || h.Pictures != 200 || h.Runs != 1 {
		t.Errorf("home %+v, far %+v", h, f)
	}
	if !strings.Contains(o.err, "1 with a remedy") {
		t.Error(o.err)
	}
	if text := mustRun(t, "runs", "drift", runs).out; !strings.Contains(text, "64 at a time") {
		t.Error(text)
	}
	// Nothing to measure is no table.
	sals, err := filepath.Glob(filepath.Join(runs, "taskres-sals*"))
	if err != nil || len(sals) != 1 {
		t.Fatal(sals, err)
	}
	if o := command("runs", "drift", sals[0]); o.code != 1 || !strings.Contains(o.err, "maps logits") {
		t.Errorf("exit code %d: %s", o.code, o.err)
	}
}

package cli

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/bench"
	"clipcalib/weights"
)

// tinyResNet writes a small CLIP whose image tower is a modified ResNet.
func tinyResNet(t *testing.T) string {
	t.Helper()
	c, err := bench.Config("tiny")
	if err != nil {
		t.Fatal(err)
	}
	c.Vision = weights.VisionConfig{ImageSize: 64, Width: 4, Stages: [4]int{1, 1, 1, 1}, Layers: 4, Heads: 2}
	path := filepath.Join(t.TempDir(), "resnet.safetensors")
	if err := bench.WriteRandom(path, c); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestResNetGoesWhereCheckpointsGo(t *testing.T) {
	dir, w := t.TempDir(), tinyResNet(t)
	root := folderSet(t, filepath.Join(dir, "colours"), 2, 1)
	at := func(name string) string { return filepath.Join(dir, name) }
	var in struct {
		Model struct {
			Architecture string
			Vision       weights.VisionConfig
		}
	}
	if err := json.Unmarshal([]byte(mustRun(t, "inspect", w, "--json").out), &in); err != nil ||
		in.Model.Architecture != "RN-1.1.1.1x4@64px" || in.Model.Vision.Stages != [4]int{1, 1, 1, 1} {
		t.Errorf("inspect: %+v, %v", in, err)
	}
	if o := mustRun(t, "inspect", w).out; !strings.Contains(o, "a ResNet of width 4 with [1 1 1 1] blocks") {
		t.Errorf("inspect: %s", o)
	}
	mustRun(t, "zeroshot", "--weights", w, "--data", root)
	mustRun(t, "adapt", "taskres", "--weights", w, "--data", root, "--shots", "2", "--epochs", "2",
		"--out", at("taskres"))
	mustRun(t, "eval", at("taskres"), "--data", root)
	for _, method := range []string{"coop", "cocoop"} {
		mustRun(t, "adapt", method, "--weights", w, "--data", root, "--shots", "1", "--views", "2", "--batch", "2",
			"--epochs", "1", "--out", at(method))
	}
	mustRun(t, "predict", at("coop"), filepath.Join(root, "test", colours[0].name, "00.png"))
	mustRun(t, "tta", "tpt", "--weights", w, "--data", root, "--views", "4", "--out", at("tpt"))
	for _, method := range []string{"maple", "promptsrc"} {
		fails(t, learnOn(w, root, at(method), method), method, "RN-1.1.1.1x4@64px", "use a ViT checkpoint")
	}
}

func learnOn(weights, root, out, method string) []string {
	return []string{"adapt", method, "--weights", weights, "--data", root, "--shots", "1", "--epochs", "1",
		"--out", out}
}

package cli

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"clipcalib"
	"clipcalib/adapt"
	"clipcalib/adapt/prompt"
	"clipcalib/internal/clip"
	"clipcalib/weights"
)

// trained keeps a run of a method on a folder of colours.
func trained(t *testing.T, method string, more ...string) (dir, root string) {
	t.Helper()
	root = folderSet(t, filepath.Join(t.TempDir(), "colours"), 2, 2)
	dir = filepath.Join(t.TempDir(), "run")
	mustRun(t, append([]string{"adapt", method, "--weights", tinyModel(), "--data", root, "--shots", "2", "--epochs",
		"2", "--views", "2", "--out", dir}, more...)...)
	return dir, root
}

type predicted struct {
	Predictions []jsonPrediction `json:"predictions"`
	Drift       map[string]any   `json:"drift"`
	Unreadable  []unreadable     `json:"unreadable"`
}

func predictJSON(t *testing.T, o outcome) (p predicted) {
	t.Helper()
	if err := json.Unmarshal([]byte(o.out), &p); err != nil {
		t.Fatalf("%v in %q", err, o.out)
	}
	return p
}

func TestPredictTakesFilesFoldersAndLists(t *testing.T) {
	t.Parallel()
	dir, root := trained(t, "taskres", "--remedy", "sals")
	want := predictJSON(t, mustRun(t, "predict", dir, root, "--json", "--top", "2"))
	if len(want.Predictions) == 0 || len(want.Predictions[0].Prediction.Top) != 2 || want.Drift["note"] == "" {
		t.Fatalf("%+v", want)
	}
	var names []string
	for _, p := range want.Predictions {
		names = append(names, p.Name)
	}
	list := filepath.Join(t.TempDir(), "list.txt")
	if err := os.WriteFile(list, []byte(strings.Join(names, "\r\n")+"\n\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	folder := mustRun(t, "predict", dir, root, "--json", "--top", "2")
	for _, pictures := range [][]string{names, {list}, {"@" + list}} {
		args := append([]string{"predict", dir, "--json", "--top", "2"}, pictures...)
		if got := mustRun(t, args...); got.out != folder.out {
			t.Errorf("%v: %s", args, got.out)
		}
	}
	var out, stderr bytes.Buffer
	root2 := newRoot(&out, &stderr)
	root2.SetIn(strings.NewReader(strings.Join(names, "\n")))
	root2.SetArgs([]string{"predict", dir, "-", "--csv", "--top", "2"})
	if err := root2.Execute(); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&out).ReadAll()
	first := want.Predictions[0].Prediction.Class
	if err != nil || len(rows) != 1+2*len(names) || rows[1][0] != names[0] || rows[1][2] != first {
		t.Errorf("csv %v, %v", rows, err)
	}
	text := mustRun(t, "predict", dir, names[0])
	if !strings.HasPrefix(text.out, names[0]+"\t"+first+" ") {
		t.Errorf("text %q", text.out)
	}
}

func TestUnreadablePicturesAreNamedOnceAndCounted(t *testing.T) {
	t.Parallel()
	dir, root := trained(t, "taskres")
	bad := filepath.Join(t.TempDir(), "zeros.png")
	if err := os.WriteFile(bad, make([]byte, 1000), 0o644); err != nil {
		t.Fatal(err)
	}
	o := command("predict", dir, root, bad, "gone.png", "--json")
	if o.code != 3 || strings.Count(o.err, bad) != 1 || strings.Count(o.err, "gone.png") != 1 ||
		!strings.Contains(o.err, "2 of ") {
		t.Errorf("code %d: %s", o.code, o.err)
	}
	if p := predictJSON(t, o); len(p.Unreadable) != 2 || p.Unreadable[0].Picture != bad || len(p.Predictions) == 0 {
		t.Errorf("%+v", p)
	}
	if o := command("predict", dir, bad); o.code != 1 || o.out != "" {
		t.Errorf("none readable: code %d, %q", o.code, o.out)
	}
	fails(t, []string{"predict", dir, filepath.Dir(dir)}, "no picture below")
	fails(t, []string{"predict", dir, "@" + bad + ".none"}, "list")
	fails(t, []string{"predict", dir}, "PICTURE is missing")
	fails(t, []string{"predict", filepath.Join(dir, "none"), root}, "no run here")
	fails(t, []string{"predict", dir, root, "--top", "0"}, "--top")
}

// serving starts the server in a process of its own.
func serving(t *testing.T, args ...string) (url string, c *exec.Cmd, stderr *bytes.Buffer) {
	t.Helper()
	c = exec.Command(os.Args[0], append([]string{"serve", "--addr", "127.0.0.1:0"}, args...)...)
	c.Env = append(os.Environ(), asCommand+"=1")
	stderr = &bytes.Buffer{}
	c.Stderr = stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill() })
	if _, err := fmt.Fscanf(out, "ready at %s\n", &url); err != nil {
		c.Wait()
		t.Fatalf("%v: %s", err, stderr)
	}
	return url, c, stderr
}

func askServer(url string, body []byte) (code int, p []jsonPrediction, err error) {
	r, err := http.Post(url+"/predict", "image/png", bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return r.StatusCode, nil, err
	}
	var answer struct{ Predictions []jsonPrediction }
	if r.StatusCode == http.StatusOK {
		err = json.Unmarshal(text, &answer)
	}
	return r.StatusCode, answer.Predictions, err
}

func TestServeAnswersWhatPredictSaysAndEndsBySIGTERMUnderLoad(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"taskres", "coop"} {
		dir, root := trained(t, method, "--remedy", "sals")
		want := predictJSON(t, mustRun(t, "predict", dir, root, "--json", "--top", "5"))
		url, c, stderr := serving(t, dir)
		for _, w := range want.Predictions {
			body, err := os.ReadFile(w.Name)
			if err != nil {
				t.Fatal(err)
			}
			code, got, err := askServer(url, body)
			if err != nil || code != 200 || len(got) != 1 {
				t.Fatalf("status %d, %v, %v", code, got, err)
			}
			g, s := got[0].Prediction, w.Prediction
			if g.Class != s.Class || math.Abs(g.Confidence-s.Confidence) > 1e-5 || len(g.Top) != len(s.Top) ||
				math.Abs(g.Top[0].ZeroShot-s.Top[0].ZeroShot) > 1e-5 || math.Abs(g.Range-s.Range) > 1e-4 {
				t.Errorf("%s: served %+v, predicted %+v", w.Name, g, s)
			}
		}
		if code, _, err := askServer(url, make([]byte, 20<<20)); code != 413 && err == nil {
			t.Errorf("20 MB of zeros: status %d", code)
		}
		// What was accepted is answered, and the process ends by itself.
		body, err := os.ReadFile(want.Predictions[0].Name)
		if err != nil {
			t.Fatal(err)
		}
		var wait sync.WaitGroup
		var answered, odd atomic.Int32
		stop := make(chan struct{})
		for range 8 {
			wait.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					switch code, _, err := askServer(url, body); {
					case err != nil: // the listener is closed
						return
					case code == 200:
						answered.Add(1)
					case code != 503:
						odd.Add(1)
					}
				}
			})
		}
		for answered.Load() < 20 {
			time.Sleep(time.Millisecond)
		}
		c.Process.Signal(syscall.SIGTERM)
		err = c.Wait()
		close(stop)
		wait.Wait()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 143 {
			t.Errorf("ended with %v: %s", err, stderr)
		}
		if odd.Load() > 0 || strings.Contains(stderr.String(), "clipcalib:") {
			t.Errorf("%d odd answers; %s", odd.Load(), stderr)
		}
	}
}

func TestServeSaysWhatIsWrongInOneLine(t *testing.T) {
	t.Parallel()
	dir, _ := trained(t, "taskres")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	o := command("serve", dir, "--addr", l.Addr().String())
	if o.code != 75 || !strings.Contains(o.err, "is taken") || strings.Count(o.err, "\n") != 1 {
		t.Errorf("code %d: %q", o.code, o.err)
	}
	fails(t, []string{"serve"}, "RUN is missing")
	fails(t, []string{"serve", dir, "--addr", "nowhere"}, "--addr nowhere")
	fails(t, []string{"serve", dir, "--batch", "0", "--addr", "127.0.0.1:0"}, "--batch")
	fails(t, []string{"serve", dir + "-none", "--addr", "127.0.0.1:0"}, "no run here")
}

func TestConvertedRunsAreReadBackEqual(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method string
		files  map[string]map[string]string // file: tensor of the release: ours
	}{
		{"taskres", map[string]map[string]string{"prompt_learner/model.pth.tar-2": {
			"text_feature_residuals": "residual", "base_text_features": "text_features"}}},
		{"clip-adapter", map[string]map[string]string{"clip_adapter/model.pth.tar-2": {
			"fc.0.weight": "w1", "fc.2.weight": "w2"}}},
		{"coop", map[string]map[string]string{"prompt_learner/model.pth.tar-2": {"ctx": "prompt_learner.ctx"}}},
		{"maple", map[string]map[string]string{"MultiModalPromptLearner/model.pth.tar-2": {
			"prompt_learner.ctx": "prompt_learner.ctx"}}},
		{"tip-adapter-f", map[string]map[string]string{
			"keys_2shots.pt": nil, "values_2shots.pt": nil, "best_F_2shots.pt": nil}},
	} {
		var more []string
		if c.method == "maple" {
			more = []string{"--depth", "2"}
		}
		dir, _ := trained(t, c.method, more...)
		out := filepath.Join(t.TempDir(), "out")
		mustRun(t, "convert", dir, out)
		own := filepath.Join(dir, "adapter.safetensors")
		if _, err := os.Stat(own); err != nil {
			own = filepath.Join(dir, "prompts.safetensors")
		}
		for file, names := range c.files {
			for theirs, ours := range names {
				sameTensor(t, filepath.Join(out, file), theirs, own, ours)
			}
			if _, err := weights.Open(filepath.Join(out, file)); err != nil {
				t.Error(err)
			}
		}
	}
	tta := filepath.Join(t.TempDir(), "tta")
	_, root := trained(t, "zslp")
	mustRun(t, "tta", "tpt", "--weights", tinyModel(), "--data", root, "--views", "2", "--keep", "0.5", "--out", tta)
	fails(t, []string{"convert", tta, filepath.Join(t.TempDir(), "o")}, "trains nothing")
	zslp, _ := trained(t, "zslp")
	fails(t, []string{"convert", zslp, filepath.Join(t.TempDir(), "o")}, "no PyTorch release")
	fails(t, []string{"convert", zslp, filepath.Join(t.TempDir(), "o"), "--dtype", "fp16"}, "--dtype")
}

func sameTensor(t *testing.T, a, nameA, b, nameB string) {
	t.Helper()
	read := func(path, name string) ([]int, []float32) {
		f, err := weights.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		x, ok := f.Lookup(name)
		if !ok {
			t.Fatalf("%s has no %s but %v", path, name, f.Names())
		}
		data, err := x.Float32()
		if err != nil {
			t.Fatal(err)
		}
		return x.Shape, append([]float32(nil), data...)
	}
	shapeA, dataA := read(a, nameA)
	shapeB, dataB := read(b, nameB)
	if fmt.Sprint(shapeA) != fmt.Sprint(shapeB) || fmt.Sprint(dataA) != fmt.Sprint(dataB) {
		t.Errorf("%s of %s differs from %s", nameA, a, nameB)
	}
}

// The PyTorch file of prompts gives the logits of the run, and the cache of
// Tip-Adapter its labels.
func TestConvertedRunsClassifyAsBefore(t *testing.T) {
	t.Parallel()
	dir, _ := trained(t, "coop")
	out := filepath.Join(t.TempDir(), "out")
	mustRun(t, "convert", dir, out)
	m, err := clip.Open(tinyModel(), clip.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	r, err := clipcalib.OpenRun(dir, clipcalib.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	want, err := prompt.Load(filepath.Join(dir, "prompts.safetensors"), m, prompt.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	theirs := filepath.Join(out, "prompt_learner", "model.pth.tar-2")
	got, err := prompt.Load(theirs, m, prompt.LoadOptions{Classes: r.Classes()})
	if err != nil {
		t.Fatal(err)
	}
	f := adapt.NewMatrix(2, m.Config.EmbedDim)
	for i := range f.Data {
		f.Data[i] = float32(i%7) - 3
	}
	a, errA := want.Predict(t.Context(), prompt.Input{Features: f})
	b, errB := got.Predict(t.Context(), prompt.Input{Features: f})
	if errA != nil || errB != nil || fmt.Sprint(a.Raw) != fmt.Sprint(b.Raw) {
		t.Errorf("%v, %v: %v, %v", errA, errB, a.Raw, b.Raw)
	}
	tip, _ := trained(t, "tip-adapter")
	mustRun(t, "convert", tip, out)
	v, err := weights.Open(filepath.Join(out, "values_2shots.pt"))
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	x, ok := v.Lookup("tensor")
	if !ok || x.DType != weights.F16 {
		t.Fatalf("%v", v.Names())
	}
	data, err := x.Float32()
	if err != nil {
		t.Fatal(err)
	}
	a2, err := adapt.Load(filepath.Join(tip, "adapter.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	_, labels := a2.Cache()
	for i, y := range labels {
		for k := range a2.Classes() {
			if (data[i*a2.Classes()+k] == 1) != (k == y) {
				t.Errorf("row %d of the labels: %v, want class %d", i, data[i*a2.Classes():(i+1)*a2.Classes()], y)
			}
		}
	}
}

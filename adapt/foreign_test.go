package adapt

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/weights"
)

// foreignGolden is testdata/foreign.json, which testdata/make_foreign.py writes
// with the checkpoints in testdata/foreign.
type foreignGolden struct {
	Classes, Width int
	Features       []float32
	Labels         []int
	Prototypes     []float32
	Support        []float32
	SupportLabels  []int `json:"support_labels"`
	Logits         map[string][]float64
	StepChange     []float64 `json:"step_change"`
	ZeroShot       []float64 `json:"zero_shot"`
}

func readForeignGolden(t testing.TB) (g foreignGolden) {
	t.Helper()
	raw, err := os.ReadFile("testdata/foreign.json")
	if err == nil {
		err = json.Unmarshal(raw, &g)
	}
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func (g foreignGolden) matrix(v []float32) Matrix {
	return Matrix{Rows: len(v) / g.Width, Cols: g.Width, Data: v}
}

func foreignFile(name string) string { return filepath.Join("testdata", "foreign", name) }

func TestForeignAdaptersGiveTheLogitsOfTheirFormulas(t *testing.T) {
	g := readForeignGolden(t)
	published := TipAdapterF{Alpha: 1.17, Beta: 2, RawKeys: true}
	for name, c := range map[string]struct {
		given Method // nil: the file says it
		found string
	}{
		"clipcalib-tr.pth.tar-300":     {TaskRes{}, "taskres"},
		"clipcalib-zs.pth.tar-300":     {ZSLP{}, "zslp"},
		"clipcalib-clipa.pth.tar-300":  {nil, "clip-adapter"},
		"clipcalib-tipa-f.pth.tar-300": {nil, "tip-adapter-f"},
		"taskres.pth.tar-100":          {nil, "taskres"},
		"clip-adapter.pth.tar-200":     {nil, "clip-adapter"},
		"keys_2shots.pt":               {TipAdapter{Alpha: 1.17, Beta: 2, RawKeys: true}, "tip-adapter"},
		"best_F_2shots.pt":             {published, "tip-adapter-f"},
	} {
		a, _, err := LoadForeign(foreignFile(name), Foreign{Method: c.given, LogitScale: 100,
			Prototypes: g.matrix(g.Prototypes)})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if a.Method.Name() != c.found {
			t.Errorf("%s: method %s, want %s", name, a.Method.Name(), c.found)
		}
		got, err := a.Logits(g.matrix(g.Features))
		if err != nil {
			t.Fatal(err)
		}
		worst := 0.0
		for i, want := range g.Logits[name] {
			worst = max(worst, math.Abs(float64(got.Data[i])-want)/max(1, math.Abs(want)))
		}
		if worst > 2e-6 {
			t.Errorf("%s: logits differ from PyTorch's by %.2g of their size", name, worst)
		}
	}
}

func TestWhatDoesNotFitAForeignAdapterIsRefusedByName(t *testing.T) {
	g := readForeignGolden(t)
	base := g.matrix(g.Prototypes)
	swapped := base.take([]int{0, 2, 1, 3, 4})
	fewer, narrow := base.head(4), NewMatrix(g.Classes, 8)
	for i := range narrow.Data {
		narrow.Data[i] = float32(i%7) + 1
	}
	other := base.Clone()
	for i := range other.Data {
		other.Data[i] = float32(math.Sin(float64(7 * i)))
	}
	// Classes whose text features all but agree.
	close := base.Clone()
	for i := range close.Data {
		close.Data[i] += 60
	}
	closeFile := rewritten(t, foreignFile("taskres.pth.tar-100"), func(m map[string]weights.NamedTensor) {
		copy(m["base_text_features"].Data, close.Data)
	})
	cut := func(name string, change func(map[string]weights.NamedTensor)) string {
		return rewritten(t, foreignFile(name), change)
	}
	for name, c := range map[string]struct {
		path string
		o    Foreign
		want string
	}{
		"left open":   {foreignFile("clipcalib-tr.pth.tar-300"), Foreign{}, "taskres, zslp or clap"},
		"no residual": {foreignFile("clipcalib-zs.pth.tar-300"), Foreign{Method: TaskRes{}}, "mean cosine 0.9"},
		"another method": {foreignFile("taskres.pth.tar-100"), Foreign{Method: CLIPAdapter{}},
			"no adapter of method clip-ad"},
		"a residual": {foreignFile("taskres.pth.tar-100"), Foreign{Method: ZSLP{}}, "no adapter of method zslp"},
		"fewer classes": {foreignFile("taskres.pth.tar-100"), Foreign{Prototypes: fewer},
			"5 classes and features 16 wide"},
		"another width": {foreignFile("taskres.pth.tar-100"), Foreign{Prototypes: narrow}, "features 8 wide"},
		"another order": {foreignFile("taskres.pth.tar-100"), Foreign{Prototypes: swapped},
			`class 1 is nearest to 2, "c"`},
		"close classes": {closeFile, Foreign{Prototypes: close.take([]int{0, 2, 1, 3, 4})},
			`class 1 is nearest to 2, "c"`},
		"another model": {foreignFile("taskres.pth.tar-100"), Foreign{Prototypes: other}, "another model"},
		"no prototypes": {foreignFile("keys_2shots.pt"), Foreign{}, "no text prototypes"},
		"classes of cache": {foreignFile("keys_2shots.pt"), Foreign{Prototypes: fewer},
			"of 5 classes, and it is used for 4"},
		"width of cache": {foreignFile("best_F_2shots.pt"), Foreign{Prototypes: narrow},
			"cache_keys of shape [10, 16]"},
		"width of layers": {foreignFile("clip-adapter.pth.tar-200"), Foreign{Prototypes: narrow},
			"w1 of shape [4, 16]"},
		"labels elsewhere": {cut("keys_2shots.pt", nil), Foreign{Prototypes: base}, "values_2shots.pt"},
		"labels apart": {cut("clipcalib-tipa-f.pth.tar-300", func(m map[string]weights.NamedTensor) {
			delete(m, "cache_values")
		}), Foreign{}, "without cache_values"},
		"labels that are not one-hot": {cut("clipcalib-tipa-f.pth.tar-300", func(m map[string]weights.NamedTensor) {
			m["cache_values"].Data[7] = 0.5
		}), Foreign{}, "row 1 of the cache's labels is not one-hot"},
		"not a number": {cut("taskres.pth.tar-100", func(m map[string]weights.NamedTensor) {
			m["text_feature_residuals"].Data[3] = float32(math.NaN())
		}), Foreign{}, "text_feature_residuals"},
		"no adapter": {foreignFile("values_2shots.pt"), Foreign{Prototypes: base}, "keys_*.pt"},
	} {
		c.o.Classes = []string{"a", "b", "c", "d", "e"}
		c.o.LogitScale = 100
		if _, _, err := LoadForeign(c.path, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

// What rounding to float16 does to text features is no other order of classes.
func TestOtherClassesAreToldByTheirDistance(t *testing.T) {
	for _, c := range []struct {
		own, best float64
		want      bool
	}{
		{1 - 2e-7, 1, false}, {1 - 5e-6, 1 - 1e-8, false}, {0.9, 0.905, false}, {0.85, 0.9, true},
		{0.999, 1, true}, {0.9998, 1 - 1e-7, true}, {0.995, 0.999, false},
	} {
		if got := ofAnother(c.own, c.best); got != c.want {
			t.Errorf("cosines %v with its own, %v with another: %v", c.own, c.best, got)
		}
	}
}

// rewritten is a checkpoint with changed tensors, in a folder of its own.
func rewritten(t *testing.T, path string, change func(map[string]weights.NamedTensor)) string {
	t.Helper()
	f, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all := map[string]weights.NamedTensor{}
	for _, name := range f.Names() {
		x, _ := f.Lookup(name)
		v, err := x.Float32()
		if err != nil {
			t.Fatal(err)
		}
		all[name] = weights.NamedTensor{Name: name, Shape: x.Shape, Data: v}
	}
	if change != nil {
		change(all)
	}
	var kept []weights.NamedTensor
	for _, name := range f.Names() {
		if x, ok := all[name]; ok {
			kept = append(kept, x)
		}
	}
	out := filepath.Join(t.TempDir(), filepath.Base(path))
	if err := weights.WritePyTorch(out, kept, weights.TorchOptions{}); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestForeignCheckpointsAreInitialValues(t *testing.T) {
	g := readForeignGolden(t)
	d := Data{Features: g.matrix(g.Support), Prototypes: g.matrix(g.Prototypes)}
	for i := range 10 {
		d.Labels = append(d.Labels, i%g.Classes)
	}
	for _, c := range []struct {
		file  string
		m     Method
		names string
	}{
		{"clipcalib-tr.pth.tar-300", TaskRes{}, "residual"}, {"taskres.pth.tar-100", TaskRes{}, "residual"},
		{"clipcalib-zs.pth.tar-300", ZSLP{}, "classifier"}, {"clipcalib-zs.pth.tar-300", CLAP{}, "classifier"},
		{"clipcalib-clipa.pth.tar-300", CLIPAdapter{}, "w1 w2"}, {"clip-adapter.pth.tar-200", CLIPAdapter{}, "w1 w2"},
		{"clipcalib-tipa-f.pth.tar-300", TipAdapterF{}, "cache_keys"},
		{"best_F_2shots.pt", TipAdapterF{RawKeys: true}, "cache_keys"},
	} {
		init, err := ForeignInit(foreignFile(c.file), c.m, d)
		if err != nil {
			t.Errorf("%s: %v", c.file, err)
			continue
		}
		a, err := Train(context.Background(), c.m, nil, d, Options{Init: init, LogitScale: 100, Epochs: 1})
		if err != nil {
			t.Errorf("%s: %v", c.file, err)
			continue
		}
		for _, name := range strings.Fields(c.names) {
			start, end := init[name], a.Parameters()[name]
			for i, v := range start.Data { // the first epoch's rate is 1e-5
				if math.Abs(float64(end.Data[i]-v)) > 1e-3 {
					t.Fatalf("%s: %s[%d] went from %g to %g in a step of 1e-5", c.file, name, i, v, end.Data[i])
				}
			}
		}
	}
	for _, c := range []struct {
		file, want string
		m          Method
	}{
		{"best_F_2shots.pt", "raw-keys=true", TipAdapterF{}},
		{"keys_2shots.pt", "tip-adapter trains nothing", TipAdapter{RawKeys: true}},
		{"taskres.pth.tar-100", "no adapter of method", TipAdapterF{}},
	} {
		if _, err := ForeignInit(foreignFile(c.file), c.m, d); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.file, err, c.want)
		}
	}
	d.Labels[3], d.Labels[4] = d.Labels[4], d.Labels[3]
	if _, err := ForeignInit(foreignFile("clipcalib-tipa-f.pth.tar-300"), TipAdapterF{}, d); err == nil ||
		!strings.Contains(err.Error(), "key 3 is of class 3, sample 3 of the training set of class 4") {
		t.Errorf("other samples: %v", err)
	}
}

// The reference's training-free Tip-Adapter takes an epoch of one step at 1e-5; the
// change is that of PyTorch, to what float32 keeps of it beside keys near 2.
func TestTheReferencesTrainingFreeTipAdapterTakesAStep(t *testing.T) {
	g := readForeignGolden(t)
	d := Data{Features: g.matrix(g.Support), Prototypes: g.matrix(g.Prototypes), Labels: g.SupportLabels}
	for c, moves := range map[Compat]bool{Textbook: false, CLIPCalib: true} {
		a, err := Train(context.Background(), TipAdapter{}, nil, d, Options{Compat: c, LogitScale: 100})
		if err != nil {
			t.Fatal(err)
		}
		keys, _ := a.Cache()
		if len(a.Parameters()) != 0 || (len(a.Losses) == 1) != moves {
			t.Errorf("%s: %d parameters, losses %v", c, len(a.Parameters()), a.Losses)
		}
		largest := 0.0
		for i, want := range g.StepChange {
			if !moves {
				want = 0
			}
			got := float64(keys.Data[i] - g.Support[i])
			largest = max(largest, math.Abs(got))
			if math.Abs(got-want) > 3e-7 {
				t.Fatalf("%s: key number %d changed by %.3g, want %.3g", c, i, got, want)
			}
		}
		if (largest > 5e-6) != moves {
			t.Errorf("%s: the keys changed by up to %.2g", c, largest)
		}
	}
}

package run

import (
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"clipcalib/adapt"
	"clipcalib/adapt/prompt"
	"clipcalib/weights"
)

// Export writes a run's parameters below the folder out, as the files that the
// method's PyTorch release reads, and returns their paths. Releases that are
// built on Dassl load out/NAME/model.pth.tar-EPOCHS, by --model-dir out and
// --load-epoch; Tip-Adapter loads files of its cache_dir. What the releases take
// from elsewhere, such as a factor in their configuration, the notes say.
func Export(dir, out string) (paths, notes []string, err error) {
	m, err := ReadModel(dir)
	if err != nil {
		return nil, nil, err
	}
	e := exporter{out: out, epochs: 1}
	if r, err := ReadRecipe(dir); err == nil {
		e.epochs, e.shots = max(r.Epochs, 1), r.Inputs.Shots
	}
	switch m.Family {
	case FamilyAdapters:
		err = e.adapter(filepath.Join(dir, adapterFile))
	case FamilyPrompts:
		err = e.prompts(filepath.Join(dir, promptsFile))
	default:
		err = fmt.Errorf("test-time tuning (%s) trains nothing that could be kept", m.Method)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("run %s: %w", dir, err)
	}
	if remedy, err := adapt.ParseRemedy(m.Remedy); err != nil || adapt.MapsInference(remedy) {
		e.notes = append(e.notes, fmt.Sprintf("the release knows nothing of maps at inference: its logits are those before "+
			"%s", m.Remedy))
	}
	return e.paths, e.notes, nil
}

type exporter struct {
	out           string
	epochs, shots int
	paths, notes  []string
}

// dassl writes a checkpoint for the model that a trainer registers by name.
func (e *exporter) dassl(name string, tensors ...weights.NamedTensor) error {
	path := filepath.Join(e.out, name, fmt.Sprintf("model.pth.tar-%d", e.epochs))
	e.paths = append(e.paths, path)
	return weights.WriteTorchCheckpoint(path, tensors, e.epochs)
}

// single writes a file of one tensor.
func (e *exporter) single(name string, t weights.NamedTensor, parameter bool) error {
	path := filepath.Join(e.out, name)
	e.paths = append(e.paths, path)
	return weights.WriteTorchTensor(path, t, parameter)
}

func tensorOf(name string, m adapt.Matrix) weights.NamedTensor {
	return weights.NamedTensor{Name: name, Shape: []int{m.Rows, m.Cols}, Data: m.Data}
}

func (e *exporter) adapter(path string) error {
	a, err := adapt.Load(path)
	if err != nil {
		return err
	}
	p := a.Parameters()
	switch m := adapt.Resolved(a.Method).(type) {
	case adapt.TaskRes:
		e.notes = append(e.notes, fmt.Sprintf("set TRAINER.TaskRes.RESIDUAL_SCALE %g", m.Alpha))
		return e.dassl("prompt_learner", tensorOf("base_text_features", a.Prototypes()),
			tensorOf("text_feature_residuals", p["residual"]))
	case adapt.CLIPAdapter:
		e.notes = append(e.notes, fmt.Sprintf("the release has ratio 0.2 and width 1024 in its code; "+
			"here they are %g and %d, reduction %d", m.Ratio, a.Width(), m.Reduction))
		return e.dassl("clip_adapter", tensorOf("fc.0.weight", p["w1"]), tensorOf("fc.2.weight", p["w2"]))
	case adapt.TipAdapter:
		return e.tip(a, m, false)
	case adapt.TipAdapterF:
		return e.tip(a, adapt.TipAdapter(m), true)
	}
	return fmt.Errorf("there is no PyTorch release whose files %s could be written as: "+
		"taskres, clip-adapter, tip-adapter, tip-adapter-f and learned prompts have one", a.Method.Name())
}

// tip writes the cache as the release keeps it: keys [D, N] as it uses them, which
// is unit keys of ours but for those of its own, labels
// [N, K] as one-hot rows in half precision; trained keys as a parameter [N, D].
func (e *exporter) tip(a *adapt.Adapter, m adapt.TipAdapter, trained bool) error {
	if a.Compat != adapt.Textbook {
		return fmt.Errorf("under --compat %s the cache takes features as they are, and the release normalises them",
			a.Compat)
	}
	keys, labels := a.Cache()
	unit, turned := adapt.NewMatrix(keys.Rows, keys.Cols), adapt.NewMatrix(keys.Cols, keys.Rows)
	onehot := adapt.NewMatrix(keys.Rows, a.Classes())
	for i := range keys.Rows {
		norm := 0.0
		for _, v := range keys.Row(i) {
			norm += float64(v) * float64(v)
		}
		norm = math.Sqrt(norm)
		for j, v := range keys.Row(i) {
			if norm > 0 && !m.RawKeys {
				v = float32(float64(v) / norm)
			}
			unit.Row(i)[j], turned.Row(j)[i] = v, v
		}
		if labels[i] >= 0 {
			onehot.Row(i)[labels[i]] = 1
		}
	}
	shots := e.shots
	if shots == 0 {
		shots = max(1, keys.Rows/a.Classes())
	}
	e.notes = append(e.notes, fmt.Sprintf("set load_cache: True, shots: %d, init_alpha: %g, init_beta: %g; "+
		"the release's logit scale is 100, here it is %g",
		shots, m.Alpha, m.Beta, a.LogitScale))
	if err := e.single(fmt.Sprintf("keys_%dshots.pt", shots), tensorOf("keys", turned), false); err != nil {
		return err
	}
	values := tensorOf("values", onehot)
	values.DType = weights.F16
	if err := e.single(fmt.Sprintf("values_%dshots.pt", shots), values, false); err != nil || !trained {
		return err
	}
	return e.single(fmt.Sprintf("best_F_%dshots.pt", shots), tensorOf("weight", unit), true)
}

// registered names, for each method, the model that its trainer registers, and
// whether that is the whole model, whose names start with prompt_learner.
var registered = map[string]struct {
	name  string
	whole bool
}{
	prompt.CoOp{}.Name():      {"prompt_learner", false},
	prompt.CoCoOp{}.Name():    {"prompt_learner", false},
	prompt.KgCoOp{}.Name():    {"prompt_learner", false},
	prompt.ProGrad{}.Name():   {"prompt_learner", false},
	prompt.MaPLe{}.Name():     {"MultiModalPromptLearner", true},
	prompt.PromptSRC{}.Name(): {"VLPromptLearner", true},
}

func (e *exporter) prompts(path string) error {
	f, err := weights.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	method := f.Metadata()["method"]
	to, ok := registered[method]
	if !ok {
		return fmt.Errorf("no layout of PyTorch files is known for %q", method)
	}
	names := map[string]string{}
	for _, name := range f.Names() {
		if name == tensorPrototypes {
			continue // computed anew by the release
		}
		names[name] = name
		if !to.whole {
			names[name] = strings.TrimPrefix(name, "prompt_learner.")
		}
	}
	var tensors []weights.NamedTensor
	for _, name := range slices.Sorted(maps.Keys(names)) {
		t, _ := f.Lookup(name)
		data, err := t.Float32()
		if err != nil {
			return err
		}
		tensors = append(tensors, weights.NamedTensor{Name: names[name], Shape: t.Shape, Data: data})
	}
	return e.dassl(to.name, tensors...)
}

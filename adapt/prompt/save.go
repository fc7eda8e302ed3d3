package prompt

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"clipcalib/adapt"
	"clipcalib/weights"
)

// What a file says of itself in its metadata.
const (
	keyKind   = "kind"
	fileKind  = "clipcalib prompts 1"
	namePlain = "text_features" // the zero-shot text features of the classes
)

// Save writes the learned vectors under the names the PyTorch releases use,
// beside the zero-shot text features of the classes: as safetensors, or as
// torch.save does where the path ends in .pt or .pth. Method and remedy, with
// their settings, and the classes are in the file's metadata. Equal learners
// give equal bytes.
func (l *Learner) Save(path string) error {
	meta := map[string]string{
		keyKind:       fileKind,
		"method":      l.Method.Name(),
		"remedy":      l.Remedy.Name(),
		"logit_scale": strconv.FormatFloat(l.LogitScale, 'g', -1, 64),
	}
	for key, v := range map[string]any{"method_settings": l.Method, "remedy_settings": l.Remedy, "losses": l.Losses,
		"classes": l.classes} {
		text, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("save prompts: %s: %w", key, err)
		}
		meta[key] = string(text)
	}
	var tensors []weights.NamedTensor
	for _, p := range l.params {
		tensors = append(tensors, weights.NamedTensor{Name: p.name, Shape: p.shape, Data: p.data})
	}
	if m := l.protos; m.Data != nil {
		tensors = append(tensors, weights.NamedTensor{Name: namePlain, Shape: []int{m.Rows, m.Cols}, Data: m.Data})
	}
	var err error
	switch strings.ToLower(filepath.Ext(path)) {
	case ".pt", ".pth":
		err = weights.WritePyTorch(path, tensors, weights.TorchOptions{Metadata: meta})
	default:
		err = weights.WriteSafetensors(path, tensors, meta)
	}
	if err != nil {
		return fmt.Errorf("save prompts: %w", err)
	}
	return nil
}

// LoadOptions say what a file of learned vectors does not.
type LoadOptions struct {
	// Classes are the classes to use the vectors for. They may be left out if
	// the file was written by Save, which keeps those of the training.
	Classes []string
	// Remedy is used where the file names none; nil means none.
	Remedy adapt.Remedy
}

// Load reads what [Learner.Save] wrote, or a checkpoint of the PyTorch releases
// of CoOp, CoCoOp, MaPLe and PromptSRC as Dassl saves it (model.pth.tar-50):
// the method is told by the names of its tensors, and what is no learned vector
// is passed over.
func Load(path string, model *Model, o LoadOptions) (*Learner, error) {
	if model == nil {
		return nil, errors.New("load prompts: no model given")
	}
	f, err := weights.Open(path)
	if err != nil {
		return nil, fmt.Errorf("load prompts: %w", err)
	}
	defer f.Close()
	l, err := fromFile(f, model, o)
	if err != nil {
		return nil, fmt.Errorf("load prompts %s: %w", path, err)
	}
	return l, nil
}

func fromFile(f *weights.File, model *Model, o LoadOptions) (*Learner, error) {
	l := &Learner{model: model}
	var err error
	if f.Metadata()[keyKind] == fileKind {
		err = l.readSettings(f.Metadata())
	} else {
		err = l.readForeign(f, o)
	}
	if err == nil {
		err = l.readTensors(f, o)
	}
	return l, err
}

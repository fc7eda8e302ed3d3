package weights

import (
	"cmp"
	"errors"
	"slices"
	"strings"
)

// Inspection is what there is to say about a checkpoint.
type Inspection struct {
	Path       string            `json:"path"`
	Bytes      int64             `json:"bytes"`
	SHA256     string            `json:"sha256"`
	Format     string            `json:"format"`
	Nested     string            `json:"nested,omitempty"` // key the state dict was under
	Metadata   map[string]string `json:"metadata,omitempty"`
	Tensors    []TensorInfo      `json:"tensors"`
	DTypes     []DTypeCount      `json:"dtypes"` // most elements first
	Parameters int64             `json:"elements"`
	Model      *ModelInfo        `json:"model,omitempty"`    // nil if it is not a CLIP model
	NotCLIP    string            `json:"not_clip,omitempty"` // and why
	// of a file that is something else; "" if no command could use it
	Purpose string `json:"purpose,omitempty"`
}

// TensorInfo describes one tensor.
type TensorInfo struct {
	Name  string `json:"name"`
	DType string `json:"dtype"`
	Shape []int  `json:"shape"`
}

// DTypeCount counts the tensors of one element type.
type DTypeCount struct {
	DType    string `json:"dtype"`
	Tensors  int    `json:"tensors"`
	Elements int64  `json:"elements"`
}

// ModelInfo describes a CLIP model.
type ModelInfo struct {
	Architecture     string       `json:"architecture"`
	Layout           string       `json:"layout"`
	EmbedDim         int          `json:"embed_dim"`
	Vision           VisionConfig `json:"vision"`
	Text             TextConfig   `json:"text"`
	Activation       string       `json:"activation"`
	ActivationReason string       `json:"activation_reason"`
	ActivationSource string       `json:"activation_source"` // the same, as records call it
	Preprocess       Preprocess   `json:"preprocess,omitzero"`
	PreprocessSource string       `json:"preprocessing_source,omitempty"`
	TextsRefused     string       `json:"texts_refused,omitempty"` // why words cannot be encoded
	LogitScale       float64      `json:"logit_scale"`             // the factor itself, about 100; 0 for one tower alone
	Parameters       int64        `json:"parameters"`
	VisionParameters int64        `json:"vision_parameters"`
	TextParameters   int64        `json:"text_parameters"`         // the logit scale counts here
	Ignored          []string     `json:"ignored,omitempty"`       // tensors that are not used
	UnusedFields     []string     `json:"unused_fields,omitempty"` // of the configuration beside the weights
}

// Inspect opens a checkpoint and describes it. A file that can be read but
// holds no CLIP model is described too, with the reason in NotCLIP.
func Inspect(path string, opts Options) (*Inspection, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	in := &Inspection{Path: path, Bytes: f.Size(), Format: f.Format().String(), Nested: f.Nested(),
		Metadata: f.Metadata()}
	if in.SHA256, err = f.SHA256(); err != nil {
		return nil, err
	}
	in.count(f)
	c, err := f.CLIP(opts)
	unknown := errors.Is(err, errActivation)
	if unknown {
		opts.Activation = QuickGELU // for the rest of the description
		c, err = f.CLIP(opts)
	}
	if err == nil {
		err = c.CheckFinite()
	}
	if err != nil {
		in.NotCLIP = strings.TrimPrefix(strings.TrimPrefix(err.Error(), path+": "), f.name+": ")
		if len(findModels(f)) == 0 {
			in.Purpose = purpose(f)
		}
		return in, nil
	}
	in.Model = c.info()
	if m := in.Model; unknown {
		m.Activation, m.ActivationReason = "unknown", "to be stated: "+errActivation.Error()
		m.ActivationSource = m.ActivationReason
	}
	return in, nil
}

func (in *Inspection) count(f *File) {
	var counts [Bool + 1]DTypeCount
	for _, name := range f.Names() {
		t := f.tensors[name]
		in.Tensors = append(in.Tensors, TensorInfo{name, t.DType.String(), t.Shape})
		c := &counts[t.DType]
		c.DType = t.DType.String()
		c.Tensors++
		c.Elements += int64(t.Len())
		in.Parameters += int64(t.Len())
	}
	for _, c := range counts {
		if c.Tensors > 0 {
			in.DTypes = append(in.DTypes, c)
		}
	}
	slices.SortStableFunc(in.DTypes, func(a, b DTypeCount) int { return cmp.Compare(b.Elements, a.Elements) })
}

func (c *Checkpoint) info() *ModelInfo {
	cfg := c.Config
	m := &ModelInfo{
		Architecture: cfg.Architecture(), Layout: c.Layout.String(), EmbedDim: cfg.EmbedDim,
		Vision: cfg.Vision, Text: cfg.Text,
		Activation: cfg.Activation.String(), ActivationReason: cfg.ActivationReason,
		ActivationSource: cfg.ActivationReason, Preprocess: cfg.Preprocess, PreprocessSource: cfg.PreprocessReason,
		Ignored: c.Ignored, UnusedFields: c.Unused,
	}
	if cfg.HasImages() && cfg.HasTexts() {
		m.LogitScale = cfg.Scale()
	}
	if err := cfg.Text.CheckWords(); err != nil {
		m.TextsRefused = err.Error()
	}
	m.Parameters, m.VisionParameters, m.TextParameters = cfg.Count()
	return m
}

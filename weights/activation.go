package weights

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// stated is what the metadata or a configuration file beside the weights says
// about the things shapes do not show. Zero means not said.
type stated struct {
	activation             Activation
	reason                 string
	visionHeads, textHeads int
}

// The keys of our own metadata.
const (
	metaActivation  = "activation"
	metaVisionHeads = "vision_heads"
	metaTextHeads   = "text_heads"
)

// Metadata returns the strings to keep beside a model's tensors so that what
// its shapes do not show, the activation and the numbers of heads, is read
// back by OpenCLIP.
func (c Config) Metadata() map[string]string {
	return map[string]string{
		metaActivation:  c.Activation.String(),
		metaVisionHeads: fmt.Sprint(c.Vision.Heads),
		metaTextHeads:   fmt.Sprint(c.Text.Heads),
	}
}

func statedByMetadata(m map[string]string) (s stated, err error) {
	if name, ok := m[metaActivation]; ok {
		if s.activation, err = ParseActivation(name); err != nil {
			return s, fmt.Errorf("metadata: %w", err)
		}
		s.reason = "the file's metadata says so"
	}
	for key, dst := range map[string]*int{metaVisionHeads: &s.visionHeads, metaTextHeads: &s.textHeads} {
		if text, ok := m[key]; ok {
			if _, err := fmt.Sscanf(text, "%d", dst); err != nil || *dst <= 0 {
				return s, fmt.Errorf("metadata: %s is %.20q, want a positive number", key, text)
			}
		}
	}
	return s, nil
}

// hfConfig is the part of a HuggingFace config.json that matters here.
type hfConfig struct {
	Vision *hfTower `json:"vision_config"`
	Text   *hfTower `json:"text_config"`
}

type hfTower struct {
	Act    string `json:"hidden_act"`
	Width  int    `json:"hidden_size"`
	Layers int    `json:"num_hidden_layers"`
	Heads  int    `json:"num_attention_heads"`
}

// openclipConfig is the part of an open_clip_config.json that matters here.
type openclipConfig struct {
	Model *struct {
		QuickGELU bool `json:"quick_gelu"`
		Vision    struct {
			Width     int `json:"width"`
			Layers    any `json:"layers"` // a list for ResNets
			HeadWidth int `json:"head_width"`
		} `json:"vision_cfg"`
		Text struct {
			Width int `json:"width"`
			Heads int `json:"heads"`
		} `json:"text_cfg"`
	} `json:"model_cfg"`
}

// statedBeside looks for a configuration file in the folder of the weights. A
// file whose sizes contradict the tensors is another model's and is passed
// over.
func statedBeside(path string, c Config) (s stated) {
	if path == "" {
		return s
	}
	dir := filepath.Dir(path)
	var oc openclipConfig
	if readJSON(filepath.Join(dir, "open_clip_config.json"), &oc) && oc.Model != nil {
		m := oc.Model
		if agrees(m.Vision.Width, c.Vision.Width) && agrees(m.Text.Width, c.Text.Width) {
			s.activation = GELU
			if m.QuickGELU {
				s.activation = QuickGELU
			}
			s.reason = "open_clip_config.json beside the file says so"
			s.textHeads = m.Text.Heads
			if h := m.Vision.HeadWidth; h > 0 && h <= c.Vision.Width {
				s.visionHeads = c.Vision.Width / h
			}
			return s
		}
	}
	var hf hfConfig
	if readJSON(filepath.Join(dir, "config.json"), &hf) && hf.Vision != nil && hf.Text != nil {
		if agrees(hf.Vision.Width, c.Vision.Width) && agrees(hf.Vision.Layers, c.Vision.Layers) && agrees(hf.Text.Width, c.Text.Width) {
			if a, err := ParseActivation(hf.Vision.Act); err == nil {
				s.activation, s.reason = a, "config.json beside the file says so"
			}
			s.visionHeads, s.textHeads = hf.Vision.Heads, hf.Text.Heads
		}
	}
	return s
}

func agrees(said, found int) bool { return said == 0 || said == found }

// readJSON reads a small JSON file; one that is absent or not what it should
// be counts as nothing said.
func readJSON(path string, v any) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, 1<<20))
	return err == nil && json.Unmarshal(data, v) == nil
}

// activationByWeights decides where nobody says: OpenAI's own files are
// recognised by their container or by their mix of precisions, and anything
// else is taken for a conversion of them.
func activationByWeights(f *File, n *named) (Activation, string) {
	if f.Format() == TorchScript {
		return QuickGELU, "a TorchScript archive, as OpenAI published its models, which all use it"
	}
	conv, norm := n.params["visual.conv1.weight"], n.params["visual.ln_pre.weight"]
	if conv != nil && norm != nil && conv.parts[0].DType == F16 && norm.parts[0].DType == F32 {
		return QuickGELU, "half-precision matrices beside float32 layer norms, as in OpenAI's files"
	}
	return QuickGELU, "assumed: the file does not say; models with exact GELU, such as LAION's, need it stated"
}

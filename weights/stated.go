package weights

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
)

// stated is what one source says about the things shapes do not show. Zero
// means not said.
type stated struct {
	vision, text           towerStated
	visionHeads, textHeads int
	reason                 string // the source of the activation and the towers' fields

	preprocess       *Preprocess
	preprocessReason string

	textRefused string   // why no text can be encoded
	tokenizer   string   // whose tokens the text tower takes, where not CLIP's
	idle        []string // fields that have no effect on features
}

// towerStated is what is said of one tower.
type towerStated struct {
	activation             Activation
	eps                    float32
	noPreNorm              bool
	averagePool, normAfter bool
}

// The keys of our own metadata.
const (
	metaActivation  = "activation"
	metaVisionHeads = "vision_heads"
	metaTextHeads   = "text_heads"
	metaMore        = "clip" // a JSON object of what differs from OpenAI's models
)

// moreStated is what our metadata keeps beyond activation and heads.
type moreStated struct {
	VisionActivation Activation  `json:"vision_activation,omitempty"`
	TextActivation   Activation  `json:"text_activation,omitempty"`
	VisionNormEps    float32     `json:"vision_norm_eps,omitempty"`
	TextNormEps      float32     `json:"text_norm_eps,omitempty"`
	AveragePool      bool        `json:"average_pool,omitempty"`
	NormAfterPool    bool        `json:"norm_after_pool,omitempty"`
	TextRefused      string      `json:"text_refused,omitempty"`
	Tokenizer        string      `json:"tokenizer,omitempty"`
	Preprocess       *Preprocess `json:"preprocess,omitempty"`
}

// Metadata returns the strings to keep beside a model's tensors so that what
// its shapes do not show, such as the activation, the numbers of heads and the
// preprocessing, is read back by OpenCLIP.
func (c Config) Metadata() map[string]string {
	m := map[string]string{metaActivation: c.Activation.String()}
	if c.HasImages() {
		m[metaVisionHeads] = strconv.Itoa(c.Vision.Heads)
	}
	if c.HasTexts() {
		m[metaTextHeads] = strconv.Itoa(c.Text.Heads)
	}
	more := moreStated{
		VisionActivation: c.Vision.Activation, TextActivation: c.Text.Activation,
		VisionNormEps: c.Vision.NormEps, TextNormEps: c.Text.NormEps,
		AveragePool: c.Vision.AveragePool, NormAfterPool: c.Vision.NormAfterPool,
		TextRefused: c.Text.Refused, Tokenizer: c.Text.Tokenizer,
	}
	if c.Preprocess != (Preprocess{}) {
		more.Preprocess = &c.Preprocess
	}
	if more != (moreStated{}) {
		if text, err := json.Marshal(more); err == nil {
			m[metaMore] = string(text)
		}
	}
	return m
}

func statedByMetadata(m map[string]string) (s stated, err error) {
	if name, ok := m[metaActivation]; ok {
		act, err := ParseActivation(name)
		if err != nil {
			return s, fmt.Errorf("metadata: %w", err)
		}
		s.vision.activation, s.text.activation = act, act
		s.reason = "the file's metadata says so"
	}
	for key, dst := range map[string]*int{metaVisionHeads: &s.visionHeads, metaTextHeads: &s.textHeads} {
		if text, ok := m[key]; ok {
			if *dst, err = strconv.Atoi(text); err != nil || *dst <= 0 {
				return s, fmt.Errorf("metadata: %s is %.20q, want a positive number", key, text)
			}
		}
	}
	text, ok := m[metaMore]
	if !ok {
		return s, nil
	}
	var more moreStated
	if err := json.Unmarshal([]byte(text), &more); err != nil {
		return s, fmt.Errorf("metadata: %s: %w", metaMore, err)
	}
	if more.VisionActivation != 0 {
		s.vision.activation = more.VisionActivation
	}
	if more.TextActivation != 0 {
		s.text.activation = more.TextActivation
	}
	s.vision.eps, s.text.eps = more.VisionNormEps, more.TextNormEps
	s.vision.averagePool, s.vision.normAfter = more.AveragePool, more.NormAfterPool
	s.textRefused, s.tokenizer = more.TextRefused, more.Tokenizer
	if s.preprocess = more.Preprocess; s.preprocess != nil {
		s.preprocessReason = "the file's metadata says so"
	}
	return s, nil
}

// The configuration files that stand beside weights.
const (
	openclipFile   = "open_clip_config.json"
	hfFile         = "config.json"
	hfPictureFile  = "preprocessor_config.json"
	besideFileSays = " beside the file says so"
)

// statedBeside reads the configuration in the folder of the weights: that of
// the library whose names the file uses, or else the other's.
func statedBeside(path string, c Config, layout Layout) (s stated, err error) {
	if path == "" {
		return s, nil
	}
	dir := filepath.Dir(path)
	readers := []func(string, Config) (stated, bool, error){statedByOpenCLIP, statedByHuggingFace}
	if layout == LayoutHuggingFace {
		readers[0], readers[1] = readers[1], readers[0]
	}
	for _, read := range readers {
		s, ok, err := read(dir, c)
		if err != nil {
			return s, err
		}
		if !ok {
			continue
		}
		if s.tokenizer == "" {
			s.tokenizer, err = tokenizerBeside(dir)
		}
		return s, err
	}
	s.tokenizer, err = tokenizerBeside(dir)
	return s, err
}

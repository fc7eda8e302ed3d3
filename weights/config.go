package weights

import (
	"cmp"
	"errors"
	"fmt"
	"math"
)

// Activation is the non-linearity inside the transformer blocks.
type Activation uint8

// QuickGELU is x*sigmoid(1.702x), what OpenAI trained with; GELU is the exact
// form with the error function, open_clip's default; ReLU is max(x, 0).
const (
	QuickGELU Activation = iota + 1
	GELU
	ReLU
)

// String is the name used in configuration files: "quick_gelu", "gelu" or
// "relu".
func (a Activation) String() string {
	switch a {
	case QuickGELU:
		return "quick_gelu"
	case GELU:
		return "gelu"
	case ReLU:
		return "relu"
	}
	return fmt.Sprintf("Activation(%d)", uint8(a))
}

// MarshalText writes the name.
func (a Activation) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (a *Activation) UnmarshalText(text []byte) (err error) {
	*a, err = ParseActivation(string(text))
	return err
}

// ParseActivation accepts "quick_gelu", "quickgelu", "gelu" and "relu". The
// tanh approximation of GELU is another function and is not supported.
func ParseActivation(name string) (Activation, error) {
	switch name {
	case "quick_gelu", "quickgelu":
		return QuickGELU, nil
	case "gelu":
		return GELU, nil
	case "relu":
		return ReLU, nil
	}
	return 0, fmt.Errorf("unknown activation %.40q (use quick_gelu, gelu or relu)", name)
}

// VisionConfig is the size of the image tower: a vision transformer, or CLIP's
// modified ResNet, which has Stages.
type VisionConfig struct {
	ImageSize int `json:"image_size"` // side of the square input in pixels
	Patch     int `json:"patch"`      // side of a patch in pixels; 0 for a ResNet
	Width     int `json:"width"`      // size of a token; of a ResNet, channels behind its stem
	Layers    int `json:"layers"`     // blocks in all
	Heads     int `json:"heads"`      // of a ResNet, those of its attention pooling
	MLP       int `json:"mlp"`        // hidden size of the feed-forward part, 4*Width in OpenAI's models; 0 for a ResNet

	// Stages are the blocks in each stage of a modified ResNet; zeros say that
	// the tower is a vision transformer.
	Stages [4]int `json:"stages,omitzero"`

	// Activation is that of this tower where it is not Config.Activation.
	Activation Activation `json:"activation,omitempty"`
	NormEps    float32    `json:"norm_eps,omitempty"`    // of the layer norms; 0 stands for 1e-5
	NoPreNorm  bool       `json:"no_pre_norm,omitempty"` // there is no layer norm before the blocks
	// AveragePool takes the mean over the patches in place of the class token.
	AveragePool bool `json:"average_pool,omitempty"`
	// NormAfterPool applies the last layer norm to that mean, not to every token.
	NormAfterPool bool `json:"norm_after_pool,omitempty"`
	// LayerScale says that the file scales what each block adds. It is folded
	// into the blocks' last matrices when they are read.
	LayerScale bool `json:"layer_scale,omitempty"`
}

// Grid is the number of patches along a side; of a ResNet, of positions that its
// attention pooling sees.
func (c VisionConfig) Grid() int {
	if c.ResNet() {
		return c.ImageSize / resNetStride
	}
	return c.ImageSize / c.Patch
}

// TextConfig is the size of the text tower.
type TextConfig struct {
	Context int `json:"context"` // tokens in a prompt, at most
	Vocab   int `json:"vocab"`
	Width   int `json:"width"`
	Layers  int `json:"layers"`
	Heads   int `json:"heads"`
	MLP     int `json:"mlp"`

	// Activation is that of this tower where it is not Config.Activation.
	Activation Activation `json:"activation,omitempty"`
	NormEps    float32    `json:"norm_eps,omitempty"` // of the layer norms; 0 stands for 1e-5

	LayerScale bool `json:"layer_scale,omitempty"` // as in VisionConfig

	// Refused says why no text can be encoded, though the parameters of the
	// tower are there; "" if it can.
	Refused string `json:"refused,omitempty"`
	// Tokenizer says whose tokens the tower takes where they are not CLIP's:
	// then words cannot be encoded, ready-made tokens can.
	Tokenizer string `json:"tokenizer,omitempty"`
}

// clipVocabulary is the number of pieces of CLIP's vocabulary.
const clipVocabulary = 49408

// CheckWords reports whether the tower takes words by way of CLIP's
// tokenizer; the error says what it wants instead.
func (c TextConfig) CheckWords() error {
	switch {
	case c.Width == 0:
		return errNoText
	case c.Refused != "":
		return fmt.Errorf("texts cannot be encoded with this model: %s", c.Refused)
	case c.Tokenizer != "":
		return fmt.Errorf("texts cannot be encoded with this model: its vocabulary is not CLIP's (%s); images can",
			c.Tokenizer)
	case c.Vocab != clipVocabulary:
		return fmt.Errorf("texts cannot be encoded with this model: its vocabulary of %d pieces is not CLIP's, of %d; "+
			"images can",
			c.Vocab, clipVocabulary)
	}
	return nil
}

var (
	errNoText  = errors.New("the checkpoint holds an image tower alone: texts cannot be encoded with it")
	errNoImage = errors.New("the checkpoint holds a text tower alone: images cannot be encoded with it")
)

// Config is everything about a CLIP model that is not a parameter.
type Config struct {
	EmbedDim         int // size of the shared space of images and texts
	Vision           VisionConfig
	Text             TextConfig
	Activation       Activation
	ActivationReason string  // how the activation was decided
	LogitScale       float32 // as stored: the natural logarithm of the factor on cosines
	Preprocess       Preprocess
	PreprocessReason string // how the preprocessing was decided
}

// HasImages reports whether there is an image tower.
func (c Config) HasImages() bool { return c.Vision.Width > 0 }

// HasTexts reports whether there is a text tower.
func (c Config) HasTexts() bool { return c.Text.Width > 0 }

// CheckImages is an error if there is no image tower.
func (c Config) CheckImages() error {
	if !c.HasImages() {
		return errNoImage
	}
	return nil
}

// CheckTexts is an error if no text can be encoded, not even as tokens.
func (c Config) CheckTexts() error {
	if !c.HasTexts() || c.Text.Refused != "" {
		return c.Text.CheckWords()
	}
	return nil
}

// VisionActivation is the activation of the image tower.
func (c Config) VisionActivation() Activation { return cmp.Or(c.Vision.Activation, c.Activation) }

// TextActivation is the activation of the text tower.
func (c Config) TextActivation() Activation { return cmp.Or(c.Text.Activation, c.Activation) }

// defaultNormEps is PyTorch's, which OpenAI's and open_clip's models use.
const defaultNormEps = 1e-5

// VisionNormEps is the epsilon of the image tower's layer norms.
func (c Config) VisionNormEps() float32 { return cmp.Or(c.Vision.NormEps, defaultNormEps) }

// TextNormEps is the epsilon of the text tower's layer norms.
func (c Config) TextNormEps() float32 { return cmp.Or(c.Text.NormEps, defaultNormEps) }

// Scale is the factor on cosines, about 100 for released models.
func (c Config) Scale() float64 { return math.Exp(float64(c.LogitScale)) }

// visionFamilies are the sizes that have a letter, as used by the ViT papers
// and in open_clip's model configurations. The last four do not have heads of
// size 64.
var visionFamilies = []struct {
	letter                 string
	width, layers, perHead int
}{
	{"Ti", 192, 12, 64},
	{"S", 384, 12, 64},
	{"B", 768, 12, 64},
	{"L", 1024, 24, 64},
	{"H", 1280, 32, 80},
	{"g", 1408, 40, 88},
	{"bigG", 1664, 48, 104},
	{"e", 1792, 56, 112},
}

// Architecture is the model's usual name, such as "ViT-B/16", "RN50" or
// "ViT-L/14@336px". A size without a letter reads "ViT-4x256/8": layers by
// width, patch.
func (c Config) Architecture() string {
	v := c.Vision
	if !c.HasImages() {
		return fmt.Sprintf("text tower %dx%d", c.Text.Layers, c.Text.Width)
	}
	if v.ResNet() {
		return v.resNetArchitecture()
	}
	size := fmt.Sprintf("%dx%d", v.Layers, v.Width)
	for _, f := range visionFamilies {
		if f.width == v.Width && f.layers == v.Layers {
			size = f.letter
		}
	}
	name := fmt.Sprintf("ViT-%s/%d", size, v.Patch)
	if v.ImageSize != 224 {
		name += fmt.Sprintf("@%dpx", v.ImageSize)
	}
	return name
}

// visionHeads is the number of heads where nothing states it: those of the
// known families, else heads of size 64.
func visionHeads(width, layers int) int {
	for _, f := range visionFamilies {
		if f.width == width && f.layers == layers {
			return width / f.perHead
		}
	}
	return defaultHeads(width)
}

// usualHeads is the number of heads of the tower where nothing states it.
func (c VisionConfig) usualHeads() int {
	if c.ResNet() {
		return defaultHeads(c.FeatureWidth())
	}
	return visionHeads(c.Width, c.Layers)
}

func defaultHeads(width int) int { return max(1, width/64) }

// Parameter is the name and shape of one parameter under OpenAI's names.
type Parameter struct {
	Name  string
	Shape []int // empty for a scalar
}

// Len is the number of elements.
func (p Parameter) Len() int {
	n := 1
	for _, d := range p.Shape {
		n *= d
	}
	return n
}

// Parameters lists every parameter the model has, the image tower first, each
// under its OpenAI name.
func (c Config) Parameters() []Parameter {
	var ps []Parameter
	if c.HasImages() {
		ps = c.visionParameters()
	}
	if t := c.Text; c.HasTexts() {
		ps = append(ps,
			Parameter{"token_embedding.weight", []int{t.Vocab, t.Width}},
			Parameter{"positional_embedding", []int{t.Context, t.Width}},
		)
		ps = appendBlocks(ps, "transformer", t.Layers, t.Width, t.MLP)
		ps = append(ps,
			Parameter{"ln_final.weight", []int{t.Width}},
			Parameter{"ln_final.bias", []int{t.Width}},
			Parameter{"text_projection", []int{t.Width, c.EmbedDim}},
		)
	}
	if c.HasImages() && c.HasTexts() {
		ps = append(ps, Parameter{"logit_scale", nil})
	}
	return ps
}

func (c Config) visionParameters() []Parameter {
	v := c.Vision
	if v.ResNet() {
		return c.resNetParameters()
	}
	ps := []Parameter{
		{"visual.class_embedding", []int{v.Width}},
		{"visual.conv1.weight", []int{v.Width, 3, v.Patch, v.Patch}},
		{"visual.positional_embedding", []int{v.Grid()*v.Grid() + 1, v.Width}},
	}
	if !v.NoPreNorm {
		ps = append(ps, Parameter{"visual.ln_pre.weight", []int{v.Width}}, Parameter{"visual.ln_pre.bias",
			[]int{v.Width}})
	}
	ps = appendBlocks(ps, "visual.transformer", v.Layers, v.Width, v.MLP)
	return append(ps,
		Parameter{"visual.ln_post.weight", []int{v.Width}},
		Parameter{"visual.ln_post.bias", []int{v.Width}},
		Parameter{"visual.proj", []int{v.Width, c.EmbedDim}},
	)
}

// Count is the number of parameters in all, of the image tower, and of the
// rest: the text tower and the logit scale. The statistics of batch norms are
// none.
func (c Config) Count() (total, vision, text int64) {
	for _, p := range c.Parameters() {
		if isStatistic(p.Name) {
			continue
		}
		if isTextName(p.Name) || p.Name == "logit_scale" {
			text += int64(p.Len())
		} else {
			vision += int64(p.Len())
		}
	}
	return vision + text, vision, text
}

func appendBlocks(ps []Parameter, tower string, layers, w, mlp int) []Parameter {
	for i := range layers {
		b := fmt.Sprintf("%s.resblocks.%d.", tower, i)
		ps = append(ps,
			Parameter{b + "ln_1.weight", []int{w}},
			Parameter{b + "ln_1.bias", []int{w}},
			Parameter{b + "attn.in_proj_weight", []int{3 * w, w}},
			Parameter{b + "attn.in_proj_bias", []int{3 * w}},
			Parameter{b + "attn.out_proj.weight", []int{w, w}},
			Parameter{b + "attn.out_proj.bias", []int{w}},
			Parameter{b + "ln_2.weight", []int{w}},
			Parameter{b + "ln_2.bias", []int{w}},
			Parameter{b + "mlp.c_fc.weight", []int{mlp, w}},
			Parameter{b + "mlp.c_fc.bias", []int{mlp}},
			Parameter{b + "mlp.c_proj.weight", []int{w, mlp}},
			Parameter{b + "mlp.c_proj.bias", []int{w}},
		)
	}
	return ps
}

package weights

import (
	"fmt"
	"math"
)

// Activation is the non-linearity inside the transformer blocks.
type Activation uint8

// QuickGELU is x*sigmoid(1.702x), what OpenAI trained with; GELU is the exact
// form with the error function, open_clip's default.
const (
	QuickGELU Activation = iota + 1
	GELU
)

// String is the name used in configuration files: "quick_gelu" or "gelu".
func (a Activation) String() string {
	switch a {
	case QuickGELU:
		return "quick_gelu"
	case GELU:
		return "gelu"
	}
	return fmt.Sprintf("Activation(%d)", uint8(a))
}

// ParseActivation accepts "quick_gelu", "quickgelu" and "gelu".
func ParseActivation(name string) (Activation, error) {
	switch name {
	case "quick_gelu", "quickgelu":
		return QuickGELU, nil
	case "gelu":
		return GELU, nil
	}
	return 0, fmt.Errorf("unknown activation %q (use quick_gelu or gelu)", name)
}

// VisionConfig is the size of the image tower, a vision transformer.
type VisionConfig struct {
	ImageSize int `json:"image_size"` // side of the square input in pixels
	Patch     int `json:"patch"`      // side of a patch in pixels
	Width     int `json:"width"`      // size of a token
	Layers    int `json:"layers"`
	Heads     int `json:"heads"`
	MLP       int `json:"mlp"` // hidden size of the feed-forward part, 4*Width in OpenAI's models
}

// Grid is the number of patches along a side.
func (c VisionConfig) Grid() int { return c.ImageSize / c.Patch }

// TextConfig is the size of the text tower.
type TextConfig struct {
	Context int `json:"context"` // tokens in a prompt, at most
	Vocab   int `json:"vocab"`
	Width   int `json:"width"`
	Layers  int `json:"layers"`
	Heads   int `json:"heads"`
	MLP     int `json:"mlp"`
}

// Config is everything about a CLIP model that is not a parameter.
type Config struct {
	EmbedDim         int // size of the shared space of images and texts
	Vision           VisionConfig
	Text             TextConfig
	Activation       Activation
	ActivationReason string  // how the activation was decided
	LogitScale       float32 // as stored: the natural logarithm of the factor on cosines
}

// Scale is the factor on cosines, about 100 for released models.
func (c Config) Scale() float64 { return math.Exp(float64(c.LogitScale)) }

// visionFamilies are the sizes that have a letter, as used by the ViT papers
// and in open_clip's model configurations. The last three do not have heads of
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
}

// Architecture is the model's usual name, such as "ViT-B/16" or
// "ViT-L/14@336px". A size without a letter reads "ViT-4x256/8": layers by
// width, patch.
func (c Config) Architecture() string {
	v := c.Vision
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
	v, t := c.Vision, c.Text
	ps := []Parameter{
		{"visual.class_embedding", []int{v.Width}},
		{"visual.conv1.weight", []int{v.Width, 3, v.Patch, v.Patch}},
		{"visual.positional_embedding", []int{v.Grid()*v.Grid() + 1, v.Width}},
		{"visual.ln_pre.weight", []int{v.Width}},
		{"visual.ln_pre.bias", []int{v.Width}},
	}
	ps = appendBlocks(ps, "visual.transformer", v.Layers, v.Width, v.MLP)
	ps = append(ps,
		Parameter{"visual.ln_post.weight", []int{v.Width}},
		Parameter{"visual.ln_post.bias", []int{v.Width}},
		Parameter{"visual.proj", []int{v.Width, c.EmbedDim}},
		Parameter{"token_embedding.weight", []int{t.Vocab, t.Width}},
		Parameter{"positional_embedding", []int{t.Context, t.Width}},
	)
	ps = appendBlocks(ps, "transformer", t.Layers, t.Width, t.MLP)
	return append(ps,
		Parameter{"ln_final.weight", []int{t.Width}},
		Parameter{"ln_final.bias", []int{t.Width}},
		Parameter{"text_projection", []int{t.Width, c.EmbedDim}},
		Parameter{"logit_scale", nil},
	)
}

// Count is the number of parameters in all, of the image tower, and of the
// rest: the text tower and the logit scale.
func (c Config) Count() (total, vision, text int64) {
	for _, p := range c.Parameters() {
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

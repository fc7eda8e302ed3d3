package testtime

import (
	"cmp"
	"errors"
	"fmt"
	"math"

	"clipcalib/adapt"
	"clipcalib/vit"
)

// Options say how a prompt is tuned. Zero values are TPT's.
type Options struct {
	// Views is the number of views of an image, the plain one and augmented
	// ones; 0 means 64.
	Views int
	// Keep is the share of views kept, rounded down, one at least; 0 means 0.1.
	Keep float64
	// Context is the phrase before the class name whose token embeddings are
	// tuned; "" means "a photo of a".
	Context string
	// LR is the rate of the AdamW step; 0 means 0.005.
	LR float64
	// WeightDecay is AdamW's; nil means 0.01.
	WeightDecay *float64
	// AugMix adds AugMix to the crops, as the reference does for fine-grained
	// sets but not for ImageNet and its variants.
	AugMix bool
	// Truncate cuts prompts of more tokens than the text tower takes, in place of
	// refusing them.
	Truncate bool
	// Seed and the image's pixels decide the views.
	Seed uint64
	// Start, unless nil, are the context vectors [M*W] that tuning starts from, in
	// place of the phrase's embeddings.
	Start []float32
	// FPP, unless nil, says how Start was learned; where Start is nil, [NewTuner]
	// learns it.
	FPP *FPP
	// Crop, unless nil, gives the box and the mirroring of a view of the picture of
	// a key or name, in place of drawing them; view 0 is the plain picture.
	Crop func(picture string, view int) (vit.CropView, error)
	// Pinned tells Start and Crop from others in a run's recipe.
	Pinned string
	// Compat chooses the zero-shot reference of ZS-Norm and Penalty: the
	// formula's (the default) or that of the released code.
	Compat adapt.Compat
}

// AdamW's constants, PyTorch's defaults.
const (
	defaultWeightDecay = 0.01
	adamEps            = 1e-8
)

// defaultContext is the phrase of TPT's release.
const defaultContext = "a photo of a"

// maxViews bounds the memory a run asks for.
const maxViews = 4096

// Resolved returns the options with every default filled in.
func (o Options) Resolved() (Options, error) {
	if o.Views == 0 {
		o.Views = 64
	}
	o.Keep, o.LR = cmp.Or(o.Keep, 0.1), cmp.Or(o.LR, 0.005)
	if o.Context == "" {
		o.Context = defaultContext
	}
	if o.WeightDecay == nil {
		decay := defaultWeightDecay
		o.WeightDecay = &decay
	}
	switch o.Compat {
	case "":
		o.Compat = adapt.Textbook
	case adapt.Textbook, adapt.CLIPCalib:
	default:
		return o, fmt.Errorf("unknown compat %q; known are %s, %s", string(o.Compat), adapt.Textbook, adapt.CLIPCalib)
	}
	switch {
	case o.Crop != nil && o.AugMix:
		return o, errors.New("given views cannot have AugMix: what it draws is no box")
	case (o.Start != nil && o.FPP == nil || o.Crop != nil) && o.Pinned == "":
		return o, errors.New("given vectors or views need a name: set Pinned")
	case o.Views < 1 || o.Views > maxViews:
		return o, fmt.Errorf("%d views of an image: want 1 to %d", o.Views, maxViews)
	case !(o.Keep > 0 && o.Keep <= 1):
		return o, fmt.Errorf("share of views kept is %g: want above 0 and at most 1", o.Keep)
	case !(o.LR > 0) || math.IsInf(o.LR, 0):
		return o, fmt.Errorf("learning rate is %g: want a positive number", o.LR)
	case !(*o.WeightDecay >= 0) || math.IsInf(*o.WeightDecay, 0):
		return o, fmt.Errorf("weight decay is %g: want 0 or more", *o.WeightDecay)
	}
	return o, nil
}

// kept is the number of views kept of n.
func (o Options) kept(n int) int { return max(1, int(o.Keep*float64(n))) }

// choices says in words what the options decide.
func (o Options) choices() []string {
	views := "random resized crops (bilinear) and flips"
	if o.AugMix {
		views += ", then AugMix"
	}
	return []string{
		fmt.Sprintf("prompt: %q, then the class and a full stop; its token embeddings are tuned, anew for every image",
			o.Context),
		fmt.Sprintf("views: the plain image and %d %s; seed %d", o.Views-1, views, o.Seed),
		fmt.Sprintf("views kept: %d of lowest entropy under the starting prompt", o.kept(o.Views)),
		fmt.Sprintf("one AdamW step: rate %g, betas 0.9 and 0.999, epsilon %g, weight decay %g", o.LR, adamEps,
			*o.WeightDecay),
		"prediction: the plain image under the tuned prompt",
	}
}

// firstAdamW returns the parameters after AdamW's first step: the averages of
// gradient and square, corrected for their start, are then those of the one
// gradient, whatever the betas.
func (o Options) firstAdamW(p, grad []float32) []float32 {
	out := make([]float32, len(p))
	for i, v := range p {
		g := float64(grad[i])
		out[i] = float32(float64(v)*(1-o.LR**o.WeightDecay) - o.LR*g/(math.Abs(g)+adamEps))
	}
	return out
}

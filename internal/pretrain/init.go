package pretrain

import (
	"math"
	"math/rand/v2"
	"strings"

	"clipcalib/internal/engine"
	"clipcalib/internal/tower"
	"clipcalib/weights"
)

// trained lists the parameters as they are trained: the token embedding has
// only the rows that occur.
func trained(c weights.Config, vocab int) []weights.Parameter {
	c.Text.Vocab = vocab
	return c.Parameters()
}

// initialise fills the parameters as CLIP's own initialize_parameters does.
func initialise(e engine.Engine, r Recipe, vocab int) (*tower.Weights, error) {
	w := tower.NewWeights(e)
	rng := stream(r.Seed, streamInit, 0)
	for _, p := range trained(r.Config(), vocab) {
		if err := w.Add(p, initial(p, r, rng)); err != nil {
			w.Close()
			return nil, err
		}
	}
	return w, nil
}

func initial(p weights.Parameter, r Recipe, rng *rand.Rand) []float32 {
	values := make([]float32, p.Len())
	fill := func(v float32) {
		for i := range values {
			values[i] = v
		}
	}
	switch std := deviation(p.Name, r); {
	case p.Name == "logit_scale":
		fill(float32(math.Log(1 / 0.07)))
	case std > 0:
		for i := range values {
			values[i] = float32(std * rng.NormFloat64())
		}
	case strings.HasSuffix(p.Name, ".weight"):
		fill(1) // of a layer norm
	}
	return values
}

// deviation is the standard deviation of a parameter's start, 0 for those of
// layer norms and biases.
func deviation(name string, r Recipe) float64 {
	width, layers := r.TextWidth, r.TextLayers
	if strings.HasPrefix(name, "visual.") {
		width, layers = r.VisionWidth, r.VisionLayers
	}
	w, l := 1/math.Sqrt(float64(width)), 1/math.Sqrt(float64(2*layers))
	switch {
	case name == "token_embedding.weight":
		return 0.02
	case name == "positional_embedding":
		return 0.01
	case name == "visual.conv1.weight":
		return 1 / math.Sqrt(float64(3*3*r.Patch*r.Patch)) // as a uniform one of PyTorch's convolutions
	case strings.HasSuffix(name, "attn.in_proj_weight"):
		return w
	case strings.HasSuffix(name, "attn.out_proj.weight"), strings.HasSuffix(name, "mlp.c_proj.weight"):
		return w * l
	case strings.HasSuffix(name, "mlp.c_fc.weight"):
		return w / math.Sqrt2
	case strings.HasSuffix(name, "embedding"), strings.HasSuffix(name, "proj"), name == "text_projection":
		return w
	}
	return 0
}

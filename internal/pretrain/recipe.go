// Package pretrain trains a small CLIP from pictures and captions: both towers
// from nothing, contrastively, as in "Learning Transferable Visual Models From
// Natural Language Supervision" (Radford et al. 2021).
//
// Everything follows from the recipe and the pairs: a batch, its captions and
// its augmentation are functions of the seed and the number of the step, so a
// run that was interrupted ends with the same bytes as one that was not.
package pretrain

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"clipcalib/internal/engine"
	"clipcalib/text"
	"clipcalib/weights"
)

// Recipe is everything that decides what is trained, apart from the pairs.
type Recipe struct {
	Seed   uint64 `json:"seed"`
	Batch  int    `json:"batch"`  // pairs a step
	Steps  int    `json:"steps"`  // of the whole run; the schedule is stretched over them
	Warmup int    `json:"warmup"` // steps in which the rate rises linearly

	// Accumulate is the number of parts a batch is taken in, for less memory and a
	// forward pass more: the contrast is over the whole batch all the same. 0 is 1.
	Accumulate int `json:"accumulate,omitempty"`

	LR          float32 `json:"lr"` // highest rate of AdamW
	WeightDecay float32 `json:"weight_decay"`
	Beta1       float32 `json:"beta1"`
	Beta2       float32 `json:"beta2"`
	Eps         float32 `json:"eps"`

	ImageSize    int `json:"image_size"`
	Patch        int `json:"patch"`
	VisionWidth  int `json:"vision_width"`
	VisionLayers int `json:"vision_layers"`
	VisionHeads  int `json:"vision_heads"`
	TextWidth    int `json:"text_width"`
	TextLayers   int `json:"text_layers"`
	TextHeads    int `json:"text_heads"`
	EmbedDim     int `json:"embed_dim"`

	// Coloured and Emoji are how often a picture of that kind is shown in an
	// epoch; one of one colour is shown once.
	Coloured int `json:"coloured"`
	Emoji    int `json:"emoji"`
}

// DefaultRecipe is the first stage of the model that ships; the others start
// from it (see the model's card).
func DefaultRecipe() Recipe {
	return Recipe{
		Seed: 1, Batch: 128, Steps: 4500, Warmup: 150,
		LR: 1.5e-3, WeightDecay: 0.1, Beta1: 0.9, Beta2: 0.98, Eps: 1e-6,
		ImageSize: 32, Patch: 8, VisionWidth: 128, VisionLayers: 6, VisionHeads: 2,
		TextWidth: 128, TextLayers: 4, TextHeads: 2, EmbedDim: 128,
		Coloured: 2, Emoji: 4,
	}
}

// Check says what is wrong with the recipe.
func (r Recipe) Check() error {
	for _, f := range []struct {
		name  string
		value int
	}{
		{"steps", r.Steps}, {"image_size", r.ImageSize}, {"patch", r.Patch},
		{"vision_width", r.VisionWidth}, {"vision_layers", r.VisionLayers}, {"vision_heads", r.VisionHeads},
		{"text_width", r.TextWidth}, {"text_layers", r.TextLayers}, {"text_heads", r.TextHeads},
		{"embed_dim", r.EmbedDim}, {"coloured", r.Coloured}, {"emoji", r.Emoji},
	} {
		if f.value < 1 || f.value > 1<<24 {
			return fmt.Errorf("recipe: %s is %d, want 1 or more", f.name, f.value)
		}
	}
	switch {
	case r.Batch < 2:
		return fmt.Errorf("recipe: batch is %d, want 2 or more: a contrast needs two pairs", r.Batch)
	case r.Accumulate < 0 || r.Accumulate > r.Batch || r.Batch%max(1, r.Accumulate) != 0:
		return fmt.Errorf("recipe: accumulate is %d, which does not part a batch of %d evenly", r.Accumulate, r.Batch)
	case r.Warmup < 0 || r.Warmup > r.Steps:
		return fmt.Errorf("recipe: warmup is %d steps of %d", r.Warmup, r.Steps)
	case r.ImageSize%r.Patch != 0:
		return fmt.Errorf("recipe: patches of %d do not tile images of %d", r.Patch, r.ImageSize)
	case r.VisionWidth%r.VisionHeads != 0 || r.TextWidth%r.TextHeads != 0:
		return errors.New("recipe: a tower's width is not a multiple of its heads")
	case !(r.LR > 0) || math.IsInf(float64(r.LR), 0):
		return fmt.Errorf("recipe: lr is %v, want more than 0", r.LR)
	case !(r.Beta1 >= 0 && r.Beta1 < 1 && r.Beta2 >= 0 && r.Beta2 < 1):
		return fmt.Errorf("recipe: betas are %v and %v, want 0 or more and less than 1", r.Beta1, r.Beta2)
	case !(r.WeightDecay >= 0) || !(r.Eps > 0):
		return fmt.Errorf("recipe: weight_decay %v or eps %v is out of range", r.WeightDecay, r.Eps)
	}
	return nil
}

// Config is the configuration of the model that comes out.
func (r Recipe) Config() weights.Config {
	return weights.Config{
		EmbedDim: r.EmbedDim,
		Vision: weights.VisionConfig{ImageSize: r.ImageSize, Patch: r.Patch,
			Width: r.VisionWidth, Layers: r.VisionLayers, Heads: r.VisionHeads, MLP: 4 * r.VisionWidth},
		Text: weights.TextConfig{Context: text.ContextLength, Vocab: text.VocabSize,
			Width: r.TextWidth, Layers: r.TextLayers, Heads: r.TextHeads, MLP: 4 * r.TextWidth},
		Activation:       weights.QuickGELU,
		ActivationReason: "the recipe",
	}
}

// part is the number of pairs in a part of a batch.
func (r Recipe) part() int { return r.Batch / max(1, r.Accumulate) }

// rate is the learning rate of a step, counted from 0: a linear rise, then a
// cosine down to zero.
func (r Recipe) rate(step int) float32 {
	if step < r.Warmup {
		return r.LR * float32(step+1) / float32(r.Warmup)
	}
	progress := float64(step-r.Warmup) / float64(max(1, r.Steps-r.Warmup))
	return r.LR * float32(0.5*(1+math.Cos(math.Pi*progress)))
}

// adamW is the optimiser's constants at a step. Vectors, which are norms,
// biases and the scale, do not decay.
func (r Recipe) adamW(step int, shape []int) engine.AdamW {
	h := engine.AdamW{LR: r.rate(step), Beta1: r.Beta1, Beta2: r.Beta2, Eps: r.Eps}
	if len(shape) > 1 {
		h.WeightDecay = r.WeightDecay
	}
	return h
}

// FLOPs is the work of one step, forward and backward, if the captions' trie
// has the given number of nodes: two for every multiply-add, twice as many for
// the gradients, attention and the last blocks' savings included.
func (r Recipe) FLOPs(nodes int) float64 {
	tokens := r.ImageSize / r.Patch * (r.ImageSize / r.Patch)
	patch := 3 * r.Patch * r.Patch * r.VisionWidth * tokens
	vision := blockWork(r.VisionWidth, r.VisionLayers, r.Batch*(tokens+1), r.Batch, tokens+1)
	captions := blockWork(r.TextWidth, r.TextLayers, nodes, r.Batch, 8)
	heads := r.Batch * r.EmbedDim * (r.VisionWidth + r.TextWidth + 2*r.Batch)
	return 6 * (float64(r.Batch)*float64(patch) + vision + captions + float64(heads))
}

// blockWork counts the multiply-adds of blocks over rows of width w, of which read
// are wanted at the end, each attending to keys others.
func blockWork(w, layers, rows, read, keys int) float64 {
	full := float64(rows) * float64(4*w*w+8*w*w+2*w*keys)
	last := float64(rows)*float64(3*w*w+2*w*keys) + float64(read)*float64(9*w*w)
	return float64(layers-1)*full + last
}

// String is the recipe as JSON.
func (r Recipe) String() string {
	b, err := json.Marshal(r)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

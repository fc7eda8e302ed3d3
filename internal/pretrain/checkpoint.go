package pretrain

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"

	"clipcalib/internal/engine"
	"clipcalib/internal/tower"
	"clipcalib/text"
	"clipcalib/weights"
)

// The parts of a training checkpoint, as prefixes of the tensors' names.
var stateParts = [3]string{"param.", "mean.", "square."}

func (t *Trainer) state() [3]*tower.Weights {
	return [3]*tower.Weights{t.weights, t.moments[0], t.moments[1]}
}

// Save writes everything a run needs to go on: parameters, AdamW's means, and
// the step, recipe and data they belong to, as safetensors.
func (t *Trainer) Save(path string) error {
	var out []weights.NamedTensor
	for i, set := range t.state() {
		for _, p := range t.parameters() {
			values, err := set.Floats(p.Name)
			if err != nil {
				return err
			}
			out = append(out, weights.NamedTensor{Name: stateParts[i] + p.Name, Shape: p.Shape, Data: values})
		}
	}
	meta := map[string]string{
		"format": "clipcalib-pretrain",
		"step":   strconv.Itoa(t.step),
		"recipe": t.Recipe.String(),
		"pairs":  t.corpus.fingerprint(),
	}
	if p := t.precision(); p != "fp32" {
		meta["precision"] = p
	}
	return weights.WriteSafetensors(path, out, meta)
}

// precision is the form in which this run multiplies.
func (t *Trainer) precision() string {
	if p := engine.PrecisionOf(t.eng); p != "bf16" || engine.TrainsFloat16(t.eng) {
		return p
	}
	return "fp32" // an engine that multiplies by frozen weights alone in bf16
}

// fingerprint tells one collection of pairs from another: it covers their
// number, kinds and captions, not the pixels.
func (c *corpus) fingerprint() string {
	h := fnv.New64a()
	for i, captions := range c.captions {
		fmt.Fprint(h, c.pairs.Kind(i))
		for _, tokens := range captions {
			fmt.Fprint(h, tokens)
		}
	}
	return fmt.Sprintf("%d-%016x", len(c.captions), h.Sum64())
}

// Restore goes on from a file that Save wrote. The recipe and the pairs must
// be those of that run.
func (t *Trainer) Restore(path string) error {
	f, err := weights.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	meta := f.Metadata()
	step, err := strconv.Atoi(meta["step"])
	switch {
	case meta["format"] != "clipcalib-pretrain" || err != nil || step < 0:
		return fmt.Errorf("%s is not a training checkpoint of pretrain", path)
	case cmp.Or(meta["precision"], "fp32") != t.precision():
		return fmt.Errorf("%s belongs to a run in %s, this one is in %s: start anew or use --precision %[2]s", path,
			cmp.Or(meta["precision"], "fp32"), t.precision())
	case meta["recipe"] != t.Recipe.String():
		return fmt.Errorf("%s belongs to another recipe: %s; start anew or use that recipe", path, meta["recipe"])
	case meta["pairs"] != t.corpus.fingerprint():
		return fmt.Errorf("%s belongs to other pairs (%s, these are %s): start anew or use those", path, meta["pairs"],
			t.corpus.fingerprint())
	}
	for i, set := range t.state() {
		v := f.View()
		for _, p := range t.parameters() {
			values, err := v.Get(stateParts[i]+p.Name, p.Shape...)
			if err == nil {
				err = t.eng.Upload(set.Tensor(p.Name), values)
			}
			if err != nil {
				return fmt.Errorf("restore %s: %w", path, err)
			}
		}
	}
	t.step = step
	return nil
}

// Export writes the model as a PyTorch state dict in half precision under
// OpenAI's names, deflated. The token embedding gets CLIP's full vocabulary;
// tokens that training never saw are rows of zeros, which deflate to nothing.
func (t *Trainer) Export(path string, metadata map[string]string) error {
	var out []weights.NamedTensor
	c := t.Recipe.Config()
	for _, p := range c.Parameters() {
		values, err := t.weights.Floats(p.Name)
		if err != nil {
			return err
		}
		if p.Name == "token_embedding.weight" {
			values = t.fullEmbedding(values)
		}
		out = append(out, weights.NamedTensor{Name: p.Name, Shape: p.Shape, DType: weights.F16, Data: values})
	}
	all := c.Metadata()
	for k, v := range metadata {
		all[strings.ToLower(k)] = v
	}
	return weights.WritePyTorch(path, out, weights.TorchOptions{Metadata: all, Deflate: true})
}

func (t *Trainer) fullEmbedding(compact []float32) []float32 {
	w := t.Recipe.TextWidth
	full := make([]float32, text.VocabSize*w)
	for row, token := range t.corpus.vocab {
		copy(full[int(token)*w:(int(token)+1)*w], compact[row*w:(row+1)*w])
	}
	return full
}

package prompt

import (
	"context"
	"math"
	"strings"
	"testing"

	"clipcalib/adapt"
	"clipcalib/internal/clip"
	"clipcalib/internal/cliptest"
)

var (
	goldenClasses = []string{"cat", "tabby cat", "great white shark", "forklift", "aircraft carrier", "T-shirt",
		"bow_tie"}
	goldenLabels    = []int{0, 1, 2, 3, 4, 5, 6, 2}
	goldenTemplates = []string{"a photo of a {}.", "a bad photo of the {}.", "a drawing of {}, big."}
)

// plus adds noise to values.
func plus(values []float32, name string, deviation float64) []float32 {
	out := noiseOf(name, len(values), deviation)
	for i := range out {
		out[i] += values[i]
	}
	return out
}

// goldenInit returns the initial vectors of make_golden.py; nil leaves them to
// the method. words are the embeddings of "a photo of a".
func goldenInit(name string, words []float32) map[string][]float32 {
	const w = 32
	init := map[string][]float32{}
	linear := func(name string, out, in int, weight float64) {
		init[name+"weight"] = noiseOf(name+"weight", out*in, weight)
		init[name+"bias"] = noiseOf(name+"bias", out, 0.1)
	}
	switch name {
	case "coop":
		init[nameCtx] = noiseOf("coop", 16*w, noise)
	case "coop-phrase":
		return nil
	case "coop-csc":
		init[nameCtx] = noiseOf("csc", len(goldenClasses)*3*w, noise)
	case "kgcoop":
		init[nameCtx] = plus(words, "kgcoop", noise)
	case "prograd":
		init[nameCtx] = plus(append(make([]float32, 2*w), words...), "prograd", noise)
	case "cocoop":
		init[nameCtx] = plus(words, "cocoop", noise)
		linear(nameMeta1, 1, 16, 0.5)
		linear(nameMeta2, w, 1, 0.5)
	case "maple":
		init[nameCtx] = plus(words[:2*w], "maple", noise)
		linear(nameCoupling, w, w, 0.1)
		for _, i := range []string{"0", "1"} {
			init[learner+"compound_prompts_text."+i] = noiseOf("maple.deep."+i, 2*w, noise)
			linear(learner+"compound_prompt_projections."+i+".", w, w, 0.1)
		}
	case "promptsrc":
		init[nameCtx] = plus(words, "promptsrc", noise)
		init[nameVision] = noiseOf("promptsrc.vision.0", 4*w, noise)
		for _, i := range []string{"1", "2"} {
			init["text_encoder.transformer.resblocks."+i+".VPT_shallow"] = noiseOf("promptsrc.text."+i, 4*w, noise)
			init["image_encoder.transformer.resblocks."+i+".VPT_shallow"] = noiseOf("promptsrc.vision."+i, 4*w, noise)
		}
	}
	return init
}

// goldenImages are the pixels of the golden runs.
func goldenImages() [][]float32 {
	const size = 3 * 16 * 16
	flat := cliptest.Uniform("images", len(goldenLabels)*size, 2)
	var out [][]float32
	for i := range goldenLabels {
		out = append(out, flat[i*size:(i+1)*size])
	}
	return out
}

// goldenData is the training set of the golden runs, as images and features.
func goldenData(t testing.TB, m *Model) Data {
	t.Helper()
	images := goldenImages()
	rows, err := m.Images.Encode(context.Background(), images)
	if err != nil {
		t.Fatal(err)
	}
	d := Data{Classes: goldenClasses, Labels: goldenLabels, Features: adapt.NewMatrix(len(rows), m.Config.EmbedDim)}
	for i, row := range rows {
		copy(d.Features.Row(i), row)
	}
	d.Image = func(sample, _ int, dst []float32) error { copy(dst, images[sample]); return nil }
	return d
}

func goldenInput(d Data) Input {
	return Input{Features: d.Features, Images: len(d.Labels),
		Image: func(i int, dst []float32) error { return d.Image(i, 0, dst) }}
}

var goldenMethods = []struct {
	name   string
	method Method
}{
	{"coop", CoOp{}},
	{"coop-phrase", CoOp{Init: phrase}},
	{"coop-csc", CoOp{Contexts: 3, ClassSpecific: true}},
	{"kgcoop", KgCoOp{}},
	{"prograd", ProGrad{Contexts: 6}},
	{"cocoop", CoCoOp{}},
	{"maple", MaPLe{}},
	{"promptsrc", PromptSRC{Templates: goldenTemplates}},
}

func TestTenStepsOfEveryMethodAndRemedyAgreeWithPyTorch(t *testing.T) {
	checkMethods(t, "golden_methods.safetensors", 20, adapt.PaperRemedies()...)
}

func TestTenStepsUnderTCPTAgreeWithPyTorch(t *testing.T) {
	both, err := adapt.ParseRemedy("penalty+tcpt")
	if err != nil {
		t.Fatal(err)
	}
	checkMethods(t, "golden_tcpt.safetensors", 8, adapt.TCPT{}, both)
}

// checkMethods trains every method under every remedy that a file has figures of,
// of which there are as many as cases.
func checkMethods(t *testing.T, file string, cases int, remedies ...adapt.Remedy) {
	f := openGolden(t, file)
	m := seededModel(t, smallConfig, clip.Options{})
	data := goldenData(t, m)
	ctx, words := context.Background(), phraseWords(t, m)
	defer func() {
		if cases != 0 {
			t.Errorf("%d more cases are to be in %s", cases, file)
		}
	}()
	for _, c := range goldenMethods {
		for _, r := range remedies {
			key := c.name + "." + r.Name() + "."
			if _, ok := f.Lookup(key + "losses"); !ok {
				continue
			}
			cases--
			t.Run(key[:len(key)-1], func(t *testing.T) {
				var losses []float32
				l, err := Train(ctx, m, c.method, r, data, Options{
					Epochs: 10, LR: 0.02, Batch: 8, Init: goldenInit(c.name, words),
					Progress: func(p adapt.Progress) { losses = append(losses, float32(p.Loss)) },
				})
				if err != nil {
					t.Fatal(err)
				}
				want := golden(t, f, key+"losses")
				for i := range want {
					if d := math.Abs(float64(losses[i]/want[i] - 1)); !(d <= 1e-4) {
						t.Errorf("step %d: loss %g, want %g", i, losses[i], want[i])
					}
				}
				for name, got := range l.Parameters() {
					if _, ok := f.Lookup(key + name); !ok && strings.Contains(name, "proj") {
						continue // kept for one remedy only
					}
					if e := largestError(got, golden(t, f, key+name)); !(e <= 1e-4) {
						t.Errorf("%s: error %.2g of the largest value", name, e)
					}
				}
				got, err := l.Logits(ctx, goldenInput(data))
				if err != nil {
					t.Fatal(err)
				}
				if e := largestError(got.Data, golden(t, f, key+"logits")); !(e <= 1e-4) {
					t.Errorf("logits: error %.2g of the largest value", e)
				}
			})
		}
	}
}

// phraseWords are the embeddings of "a photo of a".
func phraseWords(t testing.TB, m *Model) []float32 {
	t.Helper()
	_, words, err := KgCoOp{}.contexts().size()
	if err != nil {
		t.Fatal(err)
	}
	rows, err := m.Texts.Embeddings(context.Background(), words)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

package prompt

import (
	"context"
	"math"
	"slices"
	"testing"

	"clipcalib/internal/clip"
)

// initialOf draws a method's initial values for seven classes.
func initialOf(t *testing.T, m *Model, method Method, seed uint64) map[string]param {
	t.Helper()
	l, err := newLayout(m, method, goldenClasses)
	if err != nil {
		t.Fatal(err)
	}
	params, err := initial(context.Background(), m, method, l.slots, seed)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]param{}
	for _, p := range params {
		out[p.name] = p
	}
	return out
}

func TestInitialValuesAreTheReleases(t *testing.T) {
	m := seededModel(t, smallConfig, clip.Options{})
	words := phraseWords(t, m)
	const w = 32

	ctx := initialOf(t, m, CoOp{Contexts: 60}, 1)[nameCtx]
	var square float64
	for _, v := range ctx.data {
		square += float64(v) * float64(v)
	}
	if d := math.Sqrt(square / float64(len(ctx.data))); math.Abs(d-noise) > 0.1*noise {
		t.Errorf("random contexts have deviation %g, want %g", d, noise)
	}
	if again := initialOf(t, m, CoOp{Contexts: 60}, 1)[nameCtx]; !slices.Equal(again.data, ctx.data) {
		t.Error("the same seed draws other vectors")
	}
	if other := initialOf(t, m, CoOp{Contexts: 60}, 2)[nameCtx]; slices.Equal(other.data, ctx.data) {
		t.Error("another seed draws the same vectors")
	}

	if got := initialOf(t, m, KgCoOp{}, 1)[nameCtx].data; !slices.Equal(got, words) {
		t.Error("KgCoOp does not start from the phrase")
	}
	if got := initialOf(t, m, ProGrad{}, 1)[nameCtx].data; !slices.Equal(got, append(make([]float32, 12*w), words...)) {
		t.Error("ProGrad does not start from 12 zero vectors and the phrase")
	}
	if got := initialOf(t, m, CoOp{Init: phrase, ClassSpecific: true}, 1)[nameCtx].data; !slices.Equal(got,
		slices.Repeat(words, 7)) {
		t.Error("class-specific contexts do not start from the phrase in every class")
	}

	maple := initialOf(t, m, MaPLe{}, 1)
	if got := maple[nameCtx].data; !slices.Equal(got, words[:2*w]) {
		t.Error("MaPLe does not start from the phrase's first two words")
	}
	first, second := maple[learner+"compound_prompt_projections.0.weight"],
		maple[learner+"compound_prompt_projections.1.weight"]
	if !slices.Equal(first.data, second.data) {
		t.Error("MaPLe's deep projections are not copies of one layer")
	}
	if top := slices.Max(first.data); float64(top) > 1/math.Sqrt(w) || float64(top) < 0.9/math.Sqrt(w) {
		t.Errorf("projections reach %g, want up to %g", top, 1/math.Sqrt(w))
	}
}

func TestEpochWeightsSumToOne(t *testing.T) {
	for _, m := range []PromptSRC{{}, {Mean: 15, Deviation: 1}, {Mean: 1000, Deviation: 0.1}} {
		for _, epochs := range []int{1, 2, 20} {
			sum := 0.0
			for _, w := range m.epochWeights(epochs) {
				sum += w
			}
			if math.Abs(sum-1) > 1e-12 {
				t.Errorf("%+v over %d epochs: weights sum to %g", m, epochs, sum)
			}
		}
	}
}

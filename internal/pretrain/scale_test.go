package pretrain

import (
	"context"
	"math"
	"strings"
	"testing"

	"clipcalib/internal/clip"
	"clipcalib/internal/pairs"
)

// asClasses are squares captioned with their kind alone.
type asClasses struct{ squares }

func (s asClasses) Captions(i int) ([]string, error) {
	return []string{s.name(i), "a " + s.name(i) + " square"}, nil
}

// likelihood is the mean negative log-likelihood of pictures under a factor on
// the cosines, from the features.
func likelihood(t *testing.T, tr *Trainer, p asClasses, scale float64) float64 {
	t.Helper()
	var prompts []string
	for k := range kinds {
		c, _ := p.Captions(k)
		prompts = append(prompts, c...)
	}
	texts, err := tr.encodeTexts(context.Background(), prompts)
	if err != nil {
		t.Fatal(err)
	}
	prototypes := make([][]float32, kinds)
	for k := range prototypes {
		for d := range texts[0] {
			prototypes[k] = append(prototypes[k], texts[2*k][d]+texts[2*k+1][d])
		}
	}
	var rgb [][]byte
	for i := range p.n {
		rgb = append(rgb, make([]byte, 3*p.side*p.side))
		if err := p.Image(i, rgb[i]); err != nil {
			t.Fatal(err)
		}
	}
	images, err := tr.encodeImages(context.Background(), rgb)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := clip.Logits(images, prototypes, 1)
	if err != nil {
		t.Fatal(err)
	}
	total := 0.0
	for i, row := range rows {
		sum := 0.0
		for _, l := range row {
			sum += math.Exp(scale * float64(l))
		}
		total += math.Log(sum) - scale*float64(row[p.Label(i)])
	}
	return total / float64(len(rows))
}

func TestTheFittedScaleIsTheLikeliest(t *testing.T) {
	tr := newTrainer(t, smallRecipe())
	p := asClasses{squares{side: 16, n: 600}} // more than one chunk
	fit, err := tr.FitScale(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	if fit.Pictures != 600 || fit.Classes != kinds || fit.After >= fit.Before {
		t.Errorf("found %+v", fit)
	}
	at := float64(fit.Fitted)
	best := likelihood(t, tr, p, at)
	if math.Abs(best-fit.After) > 1e-5 || math.Abs(likelihood(t, tr, p, float64(fit.Learned))-fit.Before) > 1e-5 {
		t.Errorf("likelihood %v at %v, reported %+v", best, at, fit)
	}
	for _, other := range []float64{0.9 * at, 1.1 * at} {
		if l := likelihood(t, tr, p, other); l < best {
			t.Errorf("scale %v has %v, the fitted %v has %v", other, l, at, best)
		}
	}
	v, err := tr.weights.Floats("logit_scale")
	if err != nil || math.Abs(math.Exp(float64(v[0]))-at) > 1e-3 {
		t.Errorf("the model's scale is exp %v (%v), fitted %v", v, err, at)
	}
}

func TestFitScaleWantsClasses(t *testing.T) {
	tr := newTrainer(t, smallRecipe())
	for want, p := range map[string]pairs.Pairs{
		"24 different captions": squares{side: 16, n: 24},
		"1 different captions":  asClasses{squares{side: 16, n: 1}},
		"8 pixels wide":         asClasses{squares{side: 8, n: 24}},
	} {
		if _, err := tr.FitScale(context.Background(), p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

package clip

import (
	"context"
	"errors"
	"fmt"
	"math"

	"clipcalib/text"
)

// Average says how the features of a class's templates become its prototype.
type Average uint8

const (
	// Raw is the mean of the features as they come, so that long features
	// weigh more; CLAP and the paper's code do this.
	Raw Average = iota
	// Unit makes every feature, then their mean, one long: CLIP's own recipe.
	Unit
	// RawFloat16 is Raw of features rounded to float16, and rounded so itself: the
	// values of a text tower in half precision but for the rounding inside it.
	RawFloat16
)

// Prototypes returns one text feature a class, the average over the templates,
// each with "{}" where the class name goes.
func (m *Model) Prototypes(ctx context.Context, templates, classes []string, average Average) ([][]float32, error) {
	if len(templates) == 0 || len(classes) == 0 {
		return nil, errors.New("prototypes: no templates or no classes")
	}
	if err := m.Config.Text.CheckWords(); err != nil {
		return nil, err
	}
	var prompts [][]int32
	tokenizer := text.NewTokenizer()
	for _, t := range templates {
		ps, err := m.tokenize(tokenizer, t, classes)
		if err != nil {
			return nil, err
		}
		prompts = append(prompts, ps...)
	}
	features, err := m.Texts.EncodeTokens(ctx, prompts)
	if err != nil {
		return nil, err
	}
	return averageTemplates(features, len(classes), average), nil
}

// tokenize is [text.Tokenizer.TokenizePrompts], or that with prompts cut.
func (m *Model) tokenize(t *text.Tokenizer, template string, classes []string) ([][]int32, error) {
	if m.Truncated == nil {
		return t.TokenizePrompts(template, classes)
	}
	prompts, err := text.Prompts(template, classes)
	if err != nil {
		return nil, err
	}
	out := make([][]int32, len(prompts))
	for k, p := range prompts {
		if _, err := t.EncodeClass(classes[k]); err != nil {
			return nil, fmt.Errorf("class %d of %d: %w", k, len(classes), err)
		}
		if _, long := t.Tokens(p); long != nil {
			m.Truncated(p)
		}
		out[k] = t.TokensTruncated(p)
	}
	return out, nil
}

// averageTemplates averages features [templates*classes], the classes of the
// first template first.
func averageTemplates(features [][]float32, classes int, average Average) [][]float32 {
	dim := len(features[0])
	out := make([][]float32, classes)
	for k := range out {
		sum := make([]float64, dim)
		for at := k; at < len(features); at += classes {
			weight := 1.0
			if average == Unit {
				weight = inverseNorm(features[at])
			}
			for j, x := range features[at] {
				if average == RawFloat16 {
					x = toFloat16(x)
				}
				sum[j] += weight * float64(x)
			}
		}
		out[k] = make([]float32, dim)
		templates := float64(len(features) / classes)
		for j, x := range sum {
			out[k][j] = float32(x / templates)
			if average == RawFloat16 {
				out[k][j] = toFloat16(out[k][j])
			}
		}
		if average == Unit {
			weight := inverseNorm(out[k])
			for j, x := range out[k] {
				out[k][j] = float32(weight * float64(x))
			}
		}
	}
	return out
}

// toFloat16 is the nearest float16, ties to even. Features are far below its
// largest number.
func toFloat16(x float32) float32 {
	const smallest, digits = -14, 11 // exponent of normal numbers, bits of the significand
	_, e := math.Frexp(float64(x))
	step := math.Ldexp(1, max(e-1, smallest)-(digits-1))
	return float32(math.RoundToEven(float64(x)/step) * step)
}

// inverseNorm is 1 over the Euclidean norm, 0 for a zero row.
func inverseNorm(x []float32) float64 {
	var s float64
	for _, v := range x {
		s += float64(v) * float64(v)
	}
	if s == 0 {
		return 0
	}
	return 1 / math.Sqrt(s)
}

// Logits returns scale times the cosine of every feature [N][D] with every
// prototype [K][D]; neither need have unit length.
func Logits(features, prototypes [][]float32, scale float32) ([][]float32, error) {
	if len(prototypes) == 0 {
		return nil, errors.New("logits: no prototypes")
	}
	dim := len(prototypes[0])
	for name, rows := range map[string][][]float32{"feature": features, "prototype": prototypes} {
		for i, r := range rows {
			if len(r) != dim {
				return nil, fmt.Errorf("logits: %s %d has length %d, want %d as the first prototype", name, i, len(r),
					dim)
			}
		}
	}
	norms := make([]float64, len(prototypes))
	for k, p := range prototypes {
		norms[k] = inverseNorm(p)
	}
	out := make([][]float32, len(features))
	for i, f := range features {
		row := make([]float32, len(prototypes))
		weight := float64(scale) * inverseNorm(f)
		for k, p := range prototypes {
			var s float64
			for j, x := range f {
				s += float64(x) * float64(p[j])
			}
			row[k] = float32(weight * norms[k] * s)
		}
		out[i] = row
	}
	return out, nil
}

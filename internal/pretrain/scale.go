package pretrain

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"clipcalib/calib"
	"clipcalib/internal/clip"
	"clipcalib/internal/pairs"
	"clipcalib/text"
)

// scaleChunk is how many pictures are encoded at once.
const scaleChunk = 256

// ScaleFit is what FitScale found.
type ScaleFit struct {
	Pictures int     `json:"pictures"`
	Classes  int     `json:"classes"`
	Accuracy float64 `json:"accuracy"` // share of the pictures told right
	Learned  float32 `json:"learned"`  // factor on the cosines before
	Fitted   float32 `json:"fitted"`   // and after
	Before   float64 `json:"nll_before"`
	After    float64 `json:"nll"` // a picture, in nats
	// Shared are pictures that are also among those of the training.
	Shared int `json:"shared"`
}

// FitScale sets the factor on the cosines by pictures that were not trained on,
// which contrastive training leaves too large for those: its captions number
// as many as the batch and their pictures become known. Pictures of the same
// captions are a class, whose prototype is the mean of its captions' features;
// the factor is the one under which the classes are likeliest ("On Calibration
// of Modern Neural Networks", Guo et al. 2017), at most 100.
func (t *Trainer) FitScale(ctx context.Context, p pairs.Pairs) (ScaleFit, error) {
	if p.Size() != t.Recipe.ImageSize {
		return ScaleFit{}, fmt.Errorf("pictures are %d pixels wide, the recipe's image_size is %d", p.Size(),
			t.Recipe.ImageSize)
	}
	classes, labels, err := classesOf(p)
	if err != nil {
		return ScaleFit{}, err
	}
	fit := ScaleFit{Pictures: p.Len(), Classes: len(classes)}
	prototypes, err := t.captionMeans(ctx, classes)
	if err != nil {
		return fit, err
	}
	learned, err := t.clipScale()
	if err != nil {
		return fit, err
	}
	logits := calib.NewMatrix(p.Len(), len(classes))
	for from := 0; from < p.Len(); from += scaleChunk {
		rgb := make([][]byte, min(scaleChunk, p.Len()-from))
		for i := range rgb {
			rgb[i] = make([]byte, 3*p.Size()*p.Size())
			if err := p.Image(from+i, rgb[i]); err != nil {
				return fit, err
			}
		}
		features, err := t.encodeImages(ctx, rgb)
		if err != nil {
			return fit, err
		}
		rows, err := clip.Logits(features, prototypes, learned)
		if err != nil {
			return fit, err
		}
		for i, row := range rows {
			for k, v := range row {
				logits.Row(from + i)[k] = float64(v)
			}
		}
	}
	return t.fitScale(fit, logits, labels, learned)
}

func (t *Trainer) fitScale(fit ScaleFit, logits calib.Matrix, labels []int, learned float32) (ScaleFit, error) {
	best, err := calib.FitTemperature(logits, labels)
	if err != nil {
		return fit, err
	}
	if best.AtBound {
		return fit, errors.New("no scale is the best: all or none of the pictures are told right, more are needed")
	}
	before, err := calib.Predict(logits, labels)
	if err != nil {
		return fit, err
	}
	m := before.Metrics(calib.Options{})
	fit.Accuracy, fit.Before, fit.After, fit.Learned = m.Accuracy, m.NLL, best.NLL, learned
	value := float32(math.Log(float64(learned) / best.T))
	if err := t.eng.Upload(t.weights.Tensor("logit_scale"), []float32{value}); err != nil {
		return fit, err
	}
	fit.Fitted, err = t.clipScale()
	return fit, err
}

// classesOf groups pictures of the same captions, in order of first appearance: of
// those that give the same tokens, such as ones that differ in case alone, in
// whatever order a picture has them.
func classesOf(p pairs.Pairs) (classes [][]string, labels []int, err error) {
	known := map[string]int{}
	tokenizer := text.NewTokenizer()
	for i := range p.Len() {
		captions, err := p.Captions(i)
		if err != nil {
			return nil, nil, err
		}
		read := make([]string, len(captions))
		for j, s := range captions {
			read[j] = fmt.Sprint(tokenizer.TokensTruncated(s))
		}
		slices.Sort(read)
		key := strings.Join(read, "\n")
		k, ok := known[key]
		if !ok {
			k = len(classes)
			known[key] = k
			classes = append(classes, captions)
		}
		labels = append(labels, k)
	}
	if len(classes) < 2 || len(classes) == p.Len() {
		return nil, nil, fmt.Errorf("%d pictures have %d different captions; wanted are classes: at least two, "+
			"and pictures that share their captions", p.Len(), len(classes))
	}
	return classes, labels, nil
}

// captionMeans is the mean feature of every class's captions, of any length.
func (t *Trainer) captionMeans(ctx context.Context, classes [][]string) ([][]float32, error) {
	var all []string
	for _, captions := range classes {
		all = append(all, captions...)
	}
	features, err := t.encodeTexts(ctx, all)
	if err != nil {
		return nil, err
	}
	means := make([][]float32, len(classes))
	for k, captions := range classes {
		means[k] = make([]float32, t.Recipe.EmbedDim)
		for range captions {
			for d, v := range features[0] {
				means[k][d] += v
			}
			features = features[1:]
		}
	}
	return means, nil
}

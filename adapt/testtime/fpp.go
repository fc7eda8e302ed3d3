package testtime

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"clipcalib/calib"
	"clipcalib/internal/settings"
	"clipcalib/text"
)

// FPP learns the context vectors that tuning starts from, of the class names alone
// (flatness-aware prompt pretraining, CVPR 2026, in the form of its released code).
// It lowers
//
//	mean_k |t_k(v) - t_k|² - weight * mean cos(t_k(v), t_k(v + noise)),
//
// t_k being the unit text features of the classes under the phrase, and t_k(v)
// those under the vectors v; no gradient flows through the second argument of the
// cosine. The noise is normal, drawn for every position of a prompt and shared by
// the classes, and the mean is over classes and draws. AdamW's rate falls by a
// cosine. Zero values are the release's, the weight that of its formula. Learning
// goes over the token trie, as tuning does.
type FPP struct {
	Steps int `set:"steps" default:"1000" range:">=1" from:"the release" help:"steps of AdamW"`
	Draws int `set:"draws" default:"4" range:">=1" from:"the release" help:"draws of the noise in a step"`
	// Weight is that of the flatness; 0 means 1 + 15/K.
	Weight float64 `set:"weight" default:"auto: 1 + 15/classes" range:">0" from:"the release" help:"of the flatness"`
	From   string  `set:"from" default:"random" range:"random|phrase" from:"the release" help:"first vectors"`
	Vector float64 `set:"noise" default:"0.0707105" range:">=0" from:"the release" help:"deviation on vectors"`
	Words  float64 `set:"word-noise" default:"0.141421" range:">=0" from:"the release" help:"deviation on all else"`
	LR     float64 `set:"lr" default:"0.01" range:">0" from:"the release" help:"rate of the first step"`
}

// The constants that the release does not let one set.
const (
	fppStart = 0.141421 // deviation of random vectors
	fppLast  = 1e-4     // rate that the cosine ends at
	fppDecay = 0.01     // AdamW's weight decay
)

// Name is "fpp".
func (FPP) Name() string { return "fpp" }

// Choices says in words how the vectors are learned.
func (f FPP) Choices() []string {
	r := settings.Resolved(f)
	weight := "1 + 15/classes"
	if f.Weight != 0 {
		weight = fmt.Sprint(f.Weight)
	}
	return []string{fmt.Sprintf("start: vectors learned of the class names by FPP: %d steps of AdamW from %s vectors, "+
		"rate %g to %g by a cosine, weight decay %g; flatness of weight %s over %d draws of noise, deviation %g on "+
		"vectors and %g elsewhere", r.Steps, r.From, r.LR, fppLast, fppDecay, weight, r.Draws, r.Vector, r.Words)}
}

func (f FPP) weight(classes int) float64 {
	if f.Weight != 0 {
		return f.Weight
	}
	return 1 + 15/float64(classes)
}

// LearnStart learns the context vectors [M*W] by f, for [Options].Start: context
// is the phrase, "" that of [Options]. Progress, unless nil, is told every step's
// loss. The seed decides vectors and noise.
func LearnStart(ctx context.Context, texts *text.Encoder, classes []string, f FPP, o Options,
	progress func(step int, loss float64),
) ([]float32, error) {
	o.Start, o.Crop, o.Pinned, o.FPP = nil, nil, "", nil
	o, err := o.Resolved()
	if err == nil && texts == nil {
		err = errors.New("a text encoder is needed")
	}
	if err == nil {
		err = settings.Check(f)
	}
	if err != nil {
		return nil, fmt.Errorf("fpp: %w", err)
	}
	p, err := newPrompts(o.Context, classes, texts.Config().Text, o.Truncate)
	if err != nil {
		return nil, fmt.Errorf("fpp: %w", err)
	}
	tower, err := newTextTower(ctx, texts, p, nil)
	if err != nil {
		return nil, fmt.Errorf("fpp: %w", err)
	}
	defer tower.Close()
	l := &fppLearner{FPP: settings.Resolved(f), tower: tower, vectors: len(p.context), progress: progress}
	l.Weight = f.weight(len(classes))
	r := rand.New(rand.NewPCG(o.Seed, 2<<32))
	l.noise = func(_, _ int, dst []float32) {
		for i := range dst {
			dst[i] = float32(r.NormFloat64())
		}
	}
	start := tower.start
	if l.From == "random" {
		start = make([]float32, len(tower.start))
		for i := range start {
			start[i] = float32(fppStart * r.NormFloat64())
		}
	}
	v, err := l.learn(ctx, start)
	if err != nil {
		return nil, fmt.Errorf("fpp: %w", err)
	}
	return v, nil
}

// fppLearner is one run of FPP.
type fppLearner struct {
	FPP
	tower    *textTower
	vectors  int                                 // of the context
	noise    func(step, draw int, dst []float32) // normal values [positions, W]
	progress func(step int, loss float64)
}

func (l *fppLearner) learn(ctx context.Context, start []float32) ([]float32, error) {
	anchor, err := l.tower.atStart(ctx)
	if err != nil {
		return nil, err
	}
	v := append([]float32(nil), start...)
	rule := newAdamW(len(v), fppDecay)
	for step := range l.Steps {
		loss, grad, err := l.differentiate(ctx, v, anchor.unit, step)
		if err != nil {
			return nil, fmt.Errorf("step %d of %d: %w", step+1, l.Steps, err)
		}
		if i := notFinite(grad); i >= 0 || math.IsNaN(loss) || math.IsInf(loss, 0) {
			return nil, fmt.Errorf("step %d of %d: the loss is %v, or its gradient no number: use a lower rate", step+1,
				l.Steps, loss)
		}
		share := float64(step) / float64(l.Steps)
		rule.step(v, grad, fppLast+(l.LR-fppLast)*(1+math.Cos(math.Pi*share))/2)
		if l.progress != nil {
			l.progress(step, loss)
		}
	}
	return v, nil
}

// differentiate returns the loss at the vectors v and its gradient.
func (l *fppLearner) differentiate(ctx context.Context, v []float32, anchor calib.Matrix, step int) (float64, []float32,
	error) {
	near := calib.NewMatrix(anchor.N, anchor.K) // mean over the draws of the unit features under noise
	for d := range l.Draws {
		shift := make([]float32, l.tower.depth*l.tower.width)
		l.noise(step, d, shift)
		for i := range shift {
			at := i / l.tower.width // the first position is the start of the text
			if at >= 1 && at <= l.vectors {
				shift[i] *= float32(l.Vector)
			} else {
				shift[i] *= float32(l.Words)
			}
		}
		f, err := l.tower.shifted(ctx, v, shift)
		if err != nil {
			return 0, nil, err
		}
		for i, x := range f.unit.Data {
			near.Data[i] += x / float64(l.Draws)
		}
	}
	t, err := l.tower.moved(ctx, v)
	if err != nil {
		return 0, nil, err
	}
	k := float64(anchor.N)
	var loss float64
	d := calib.NewMatrix(anchor.N, anchor.K)
	for i, x := range t.unit.Data {
		apart := x - anchor.Data[i]
		loss += (apart*apart - l.Weight*x*near.Data[i]) / k
		d.Data[i] = (2*apart - l.Weight*near.Data[i]) / k
	}
	grad, err := l.tower.gradient(ctx, t.raw(d))
	return loss, grad, err
}

// adamW is the optimiser of torch.optim.AdamW, on the host.
type adamW struct {
	first, second []float64
	steps         int
	decay         float64
}

func newAdamW(n int, decay float64) *adamW {
	return &adamW{first: make([]float64, n), second: make([]float64, n), decay: decay}
}

func (a *adamW) step(p, grad []float32, rate float64) {
	const beta1, beta2 = 0.9, 0.999
	a.steps++
	c1, c2 := 1-math.Pow(beta1, float64(a.steps)), 1-math.Pow(beta2, float64(a.steps))
	for i, g := range grad {
		g := float64(g)
		a.first[i] = beta1*a.first[i] + (1-beta1)*g
		a.second[i] = beta2*a.second[i] + (1-beta2)*g*g
		p[i] = float32(float64(p[i])*(1-rate*a.decay) - rate*a.first[i]/c1/(math.Sqrt(a.second[i]/c2)+adamEps))
	}
}

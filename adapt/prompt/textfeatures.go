package prompt

import (
	"context"
	"errors"
	"fmt"

	"clipcalib/adapt"
	"clipcalib/internal/device"
	"clipcalib/internal/engine"
)

// TextFeatures returns the text features [K, D] of the classes: of unit length
// under the learned vectors, as they are under the frozen model. A method whose
// text features differ from image to image has none of its own.
func (l *Learner) TextFeatures(ctx context.Context) (tuned, zeroShot adapt.Matrix, err error) {
	if tuned, err = l.tunedText(ctx); err != nil {
		return tuned, zeroShot, fmt.Errorf("text features of %s: %w", l.Method.Name(), err)
	}
	zeroShot, err = l.zeroShotPrototypes(ctx)
	return tuned, zeroShot, err
}

func (l *Learner) tunedText(ctx context.Context) (adapt.Matrix, error) {
	if _, ok := l.Method.(conditional); ok {
		return adapt.Matrix{}, errors.New("they differ from image to image")
	}
	var out adapt.Matrix
	err := device.Do(ctx, l.model.Device, func(e engine.Engine) error {
		params, err := upload(e, l.params)
		if err != nil {
			return err
		}
		defer params.close()
		out, err = l.textFeatures(ctx, params)
		return err
	})
	return out, err
}

// textFeatures runs the text tower on the prompts of all classes.
func (l *Learner) textFeatures(ctx context.Context, params *onEngine) (adapt.Matrix, error) {
	b := newBuilder(l.model, params, l.trie, l.LogitScale, 1)
	defer b.g.Close()
	l.Method.logits(b) // sets the deep prompts
	words := b.text()
	p, err := b.g.Compile(words)
	if err != nil {
		return adapt.Matrix{}, err
	}
	defer p.Close()
	if err := p.Run(ctx); err != nil {
		return adapt.Matrix{}, err
	}
	rows, err := p.Float32(words)
	return adapt.Matrix{Rows: words.Shape()[0], Cols: words.Shape()[1], Data: rows}, err
}

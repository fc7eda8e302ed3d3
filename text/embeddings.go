package text

import (
	"context"
	"errors"
	"fmt"

	"clipcalib/internal/device"
	"clipcalib/internal/graph"
	"clipcalib/internal/ops"
)

// Embeddings returns the token embeddings [len(tokens), W], one row after the
// other, without positions: what learned contexts that start from a phrase
// start from.
func (e *Encoder) Embeddings(ctx context.Context, tokens []int32) ([]float32, error) {
	for i, t := range tokens {
		if t < 0 || int(t) >= e.config.Text.Vocab {
			return nil, fmt.Errorf("token %d is %d, outside the text tower's vocabulary of %d", i, t,
				e.config.Text.Vocab)
		}
	}
	if len(tokens) == 0 {
		return nil, nil
	}
	release, err := device.Hold(ctx, e.device)
	if err != nil {
		return nil, err
	}
	defer release()
	if e.weights == nil {
		return nil, errors.New("the encoder is closed")
	}
	g := graph.New(device.Engine(e.device))
	defer g.Close()
	rows := ops.Rows(g, e.weights.Bind(g).Get("token_embedding.weight"), tokens)
	p, err := g.Compile(rows)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	if err := p.Run(ctx); err != nil {
		return nil, err
	}
	return p.Float32(rows)
}

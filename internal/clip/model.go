// Package clip joins the image tower and the text tower of a CLIP model on one
// engine: features, class prototypes, logits, and the contrastive loss the
// towers are trained with.
package clip

import (
	"context"
	"fmt"

	"clipcalib/internal/device"
	"clipcalib/internal/engine"
	"clipcalib/text"
	"clipcalib/vit"
	"clipcalib/weights"
)

// Options say where and how a Model computes.
type Options struct {
	device.Options
	Batch int // images encoded at a time; 0 is the encoder's default
	Nodes int // trie nodes computed at a time; 0 is the encoder's default
}

// Model is a CLIP model ready to encode. It serves one call at a time and must
// not be used by several goroutines at once.
type Model struct {
	Config weights.Config
	Engine engine.Engine
	Images *vit.Encoder
	Texts  *text.Encoder
}

// Open loads both towers of the checkpoint at path.
func Open(path string, w weights.Options, o Options) (*Model, error) {
	c, err := weights.OpenCLIP(path, w)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return New(c, o)
}

// New loads both towers of a checkpoint, which may be closed afterwards.
func New(c *weights.Checkpoint, o Options) (*Model, error) {
	eng, err := device.Open(o.Options)
	if err != nil {
		return nil, err
	}
	m := &Model{Config: c.Config, Engine: eng}
	if m.Images, err = vit.NewEncoderOn(eng, c, o.Batch); err == nil {
		m.Texts, err = text.NewEncoderOn(eng, c, o.Nodes)
	}
	if err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

// Scale is the factor on cosines.
func (m *Model) Scale() float32 { return float32(m.Config.Scale()) }

// ZeroShot returns the logits [N][K] of image features and class prototypes.
func (m *Model) ZeroShot(ctx context.Context, features, prototypes [][]float32) ([][]float32, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return Logits(features, prototypes, m.Scale())
}

// Close gives everything back.
func (m *Model) Close() error {
	if m.Images != nil {
		m.Images.Close()
	}
	if m.Texts != nil {
		m.Texts.Close()
	}
	if err := m.Engine.Close(); err != nil {
		return fmt.Errorf("close %s: %w", m.Engine.Name(), err)
	}
	return nil
}

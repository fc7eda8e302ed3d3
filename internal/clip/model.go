// Package clip joins the image tower and the text tower of a CLIP model on one
// device: features, class prototypes, logits, and the contrastive loss the
// towers are trained with.
package clip

import (
	"context"

	"clipcalib/internal/device"
	"clipcalib/text"
	"clipcalib/vit"
	"clipcalib/weights"
)

// Options say where and how a Model computes.
type Options struct {
	Device  *device.Device // nil opens the processor for this model alone
	Batch   int            // images encoded at a time; 0 is the encoder's default
	Nodes   int            // trie nodes computed at a time; 0 is the encoder's default
	Weights weights.Options
}

// Model is a CLIP model ready to encode: both towers on one device. It is safe
// for concurrent use.
type Model struct {
	Config weights.Config
	Device *device.Device
	Images *vit.Encoder
	Texts  *text.Encoder

	// Truncated, unless nil, lets prompts of more tokens than CLIP takes be cut,
	// and is told of each; nil refuses them.
	Truncated func(prompt string)

	ownDevice bool
}

// Open loads both towers of the checkpoint at path.
func Open(path string, o Options) (*Model, error) {
	c, err := weights.OpenCLIP(path, o.Weights)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return New(c, o)
}

// New loads both towers of a checkpoint, which may be closed afterwards.
func New(c *weights.Checkpoint, o Options) (*Model, error) {
	dev, opened, err := device.OrOpen(o.Device)
	if err != nil {
		return nil, err
	}
	m := &Model{Config: c.Config, Device: dev, ownDevice: opened}
	if m.Images, err = vit.NewEncoder(c, vit.Options{Device: dev, Batch: o.Batch}); err == nil {
		m.Texts, err = text.NewEncoder(c, text.Options{Device: dev, Nodes: o.Nodes})
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

// Close waits for what runs and gives everything back, the device too where the
// model opened it.
func (m *Model) Close() error {
	if m.Images != nil {
		m.Images.Close()
	}
	if m.Texts != nil {
		m.Texts.Close()
	}
	if m.ownDevice {
		return m.Device.Close()
	}
	return nil
}

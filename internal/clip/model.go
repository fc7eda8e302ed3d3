// Package clip joins the image tower and the text tower of a CLIP model on one
// device: features, class prototypes, logits, and the contrastive loss the
// towers are trained with.
package clip

import (
	"context"
	"iter"

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
	others []*vit.Encoder // image towers on further devices

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

// Beside loads the image tower of the model's checkpoint on further devices, alike
// to the model's own, on which EncodeBatches encodes too.
func (m *Model) Beside(c *weights.Checkpoint, devices []*device.Device, batch int) error {
	for _, d := range devices {
		e, err := vit.NewEncoder(c, vit.Options{Device: d, Batch: batch})
		if err != nil {
			return err
		}
		m.others = append(m.others, e)
	}
	return nil
}

// EncodeBatches is [vit.Encoder.EncodeBatches] of Images, with the image towers
// on further devices beside it.
func (m *Model) EncodeBatches(ctx context.Context, batches iter.Seq2[vit.Batch, error]) iter.Seq2[vit.Encoded, error] {
	return vit.EncodeBatchesOn(ctx, append([]*vit.Encoder{m.Images}, m.others...), batches)
}

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
	for _, e := range m.others {
		e.Close()
	}
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

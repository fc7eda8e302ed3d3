package adapt

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"

	"clipcalib/calib"
	"clipcalib/internal/device"
	"clipcalib/internal/engine"
	"clipcalib/internal/graph"

	"gorgonia.org/tensor"
)

// Objective is a training loss that another package of this module has built
// as a graph, whatever its logits come out of: adapt/prompt builds its losses
// of CLIP's towers. Its types are internal, so it is of no use elsewhere.
type Objective struct {
	Device *Device
	Graph  *graph.Graph
	Loss   *graph.Node // [1]
	Params []Param
	// Gradients are those of Params, in their order, where they are not the
	// gradients of Loss; otherwise nil.
	Gradients []*graph.Node
	// Prepare, unless nil, reads on the host what Feed is about to set, with the
	// device free for others.
	Prepare func(rows []int) error
	// Feed sets the graph's inputs to a batch, with the device held. Row v*samples+i is sample i in
	// its view v.
	Feed func(rows []int) error
	// EndEpoch, unless nil, is called after every epoch, counted from 0, with
	// the device held. What
	// it changes on the host belongs in State, which checkpoints hold.
	EndEpoch func(epoch int) error
	State    map[string][]float32
	// Resumed, unless nil, is called after State was read from a checkpoint.
	Resumed func() error
	// EndStep, unless nil, is called after every step with its loss.
	EndStep func(p Progress)
	// Task names data, method and initial values: everything that decides the
	// result besides the options. A checkpoint of another task is refused.
	Task string
}

// Param is a tensor that trains, in place.
type Param struct {
	Name  string
	Node  *graph.Node
	Value *tensor.Dense
}

// ObjectiveLoss is the classification loss l under the remedy r, of logits
// [B, K] and labels int32 [B]; zsRange [B, 2] holds the ranges of the zero-shot
// logits of the same batch.
func ObjectiveLoss(g *graph.Graph, l Loss, r Remedy, logits, labels, zsRange *graph.Node) *graph.Node {
	return composeLoss(g, l, r, logits, labels, zsRange)
}

// NeedsZeroShot reports whether training under r needs zero-shot logits.
func NeedsZeroShot(r Remedy) bool { return r.usesRange() }

// Rescale applies the map of inference of r, if it has one, to adapted logits,
// given the zero-shot logits of the same samples.
func Rescale(r Remedy, adapted, zeroShot Matrix) (Matrix, error) {
	after := r.after()
	if after == nil {
		return adapted, nil
	}
	l, err := calib.FromFloat32(adapted.Rows, adapted.Cols, adapted.Data)
	if err != nil {
		return Matrix{}, fmt.Errorf("remedy %s: %w", r.Name(), err)
	}
	z, err := calib.FromFloat32(zeroShot.Rows, zeroShot.Cols, zeroShot.Data)
	if err != nil {
		return Matrix{}, fmt.Errorf("remedy %s: zero-shot: %w", r.Name(), err)
	}
	mapped, err := after(l, z)
	if err != nil {
		return Matrix{}, fmt.Errorf("remedy %s: %w", r.Name(), err)
	}
	out := NewMatrix(mapped.N, mapped.K)
	for i, v := range mapped.Data {
		out.Data[i] = float32(v)
	}
	return out, nil
}

// BatchSize returns the number of rows in a step of [Fit].
func BatchSize(samples, views int, o Options) int { return fitSampler(samples, views, o).batch }

func fitSampler(samples, views int, o Options) sampler {
	return newSampler(Data{Features: Matrix{Rows: samples * views}, Views: views}, o)
}

// Fit trains an objective over samples that are seen in views by the rules of
// o, all of whose fields must be set, and returns the mean loss of every
// epoch. After divergence (see [Diverged]) the parameters are in their last
// good state. The finished training's checkpoint is removed.
func Fit(ctx context.Context, obj Objective, samples, views int, o Options) ([]float64, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	var t *trainer
	defer device.Later(obj.Device, func() {
		if t != nil {
			t.close()
		}
	})
	err := device.Do(ctx, obj.Device, func(e engine.Engine) (err error) {
		if t, err = newTrainer(o, e, obj, fitSampler(samples, views, o)); err == nil {
			err = t.resume()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	err = t.run(ctx)
	if d := (*Diverged)(nil); err != nil && !errors.As(err, &d) {
		return t.losses, err
	}
	err = device.Do(context.WithoutCancel(ctx), obj.Device, func(engine.Engine) error {
		if err == nil {
			err = t.checkFinite()
		}
		if err != nil {
			return errors.Join(err, t.restoreGood())
		}
		return nil
	})
	if err != nil {
		return t.losses, err
	}
	if o.Checkpoint != "" {
		if err := os.Remove(o.Checkpoint); err != nil && !errors.Is(err, os.ErrNotExist) {
			return t.losses, fmt.Errorf("remove the finished training's checkpoint: %w", err)
		}
	}
	return t.losses, nil
}

// checkFinite reports parameters that the last step made no numbers.
func (t *trainer) checkFinite() error {
	for _, p := range t.objective.Params {
		v, err := t.download(p.Value)
		if err != nil {
			return err
		}
		for _, x := range v {
			if f := float64(x); math.IsNaN(f) || math.IsInf(f, 0) {
				return &Diverged{Epoch: t.options.Epochs - 1, Step: t.sampler.steps - 1, Loss: f, Good: t.goodAt}
			}
		}
	}
	return nil
}

func (t *trainer) restoreGood() error {
	for _, p := range t.objective.Params {
		if err := t.engine.Upload(p.Value, t.good[p.Name]); err != nil {
			return err
		}
	}
	return nil
}

func (t *trainer) download(v *tensor.Dense) ([]float32, error) {
	out := make([]float32, v.Shape().TotalSize())
	return out, t.engine.Download(out, v)
}

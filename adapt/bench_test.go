package adapt

import (
	"context"
	"testing"

	"clipcalib/internal/device"
)

// imagenet returns a training set of ImageNet's size in one view.
func imagenet(samples, classes, width int) Data {
	g := newGenerator(1, 0)
	d := Data{Features: NewMatrix(samples, width), Prototypes: NewMatrix(classes, width), Labels: make([]int, samples)}
	for i := range d.Prototypes.Data {
		d.Prototypes.Data[i] = float32(g.normal())
	}
	for i := range samples {
		d.Labels[i] = i % classes
		t := d.Prototypes.Row(i % classes)
		for j, v := range t {
			d.Features.Row(i)[j] = v + 2*float32(g.normal())
		}
	}
	return d
}

// BenchmarkTaskResStep is one step of training on ImageNet: 256 features of
// width 512, 1,000 classes.
func BenchmarkTaskResStep(b *testing.B) {
	for _, r := range []Remedy{None{}, ZSNorm{}, Penalty{}} {
		b.Run(r.Name(), func(b *testing.B) {
			data := imagenet(4096, 1000, 512)
			o, err := Options{}.Resolved()
			if err != nil {
				b.Fatal(err)
			}
			err = withDevice(nil, func(d *Device) error {
				e := device.Engine(d)
				o.Device = d
				t := &task{ctx: context.Background(), method: TaskRes{}, remedy: r, data: data, options: o}
				s, err := t.start()
				if err != nil {
					return err
				}
				dev, err := newHeld(e, s)
				if err != nil {
					return err
				}
				defer dev.close()
				obj, err := featureObjective(t, s, dev, o.Batch)
				if err != nil {
					return err
				}
				defer obj.Graph.Close()
				tr, err := newTrainer(o, e, obj, newSampler(data, o))
				if err != nil {
					return err
				}
				defer tr.close()
				rows := tr.sampler.epoch(1)
				tr.at.Step = 1 // within an epoch
				b.ResetTimer()
				for i := range b.N {
					at := i % tr.sampler.steps * o.Batch
					if err := tr.step(t.ctx, rows[at:at+o.Batch], 0.1); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		})
	}
}

package adapt

import (
	"context"
	"testing"

	"clipcalib/internal/device"
	"clipcalib/internal/train"
)

// imagenet returns a training set of ImageNet's size in one view.
func imagenet(samples, classes, width int) Data {
	g := train.NewGenerator(1, 0)
	d := Data{Features: NewMatrix(samples, width), Prototypes: NewMatrix(classes, width), Labels: make([]int, samples),
		LogitScale: 100}
	for i := range d.Prototypes.Data {
		d.Prototypes.Data[i] = float32(g.Normal())
	}
	for i := range samples {
		d.Labels[i] = i % classes
		t := d.Prototypes.Row(i % classes)
		for j, v := range t {
			d.Features.Row(i)[j] = v + 2*float32(g.Normal())
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
			o, err := Options{LogitScale: 100}.Resolved()
			if err != nil {
				b.Fatal(err)
			}
			err = withDevice(nil, func(d *Device) error {
				e := device.Engine(d)
				o.Device = d
				t := &Training{ctx: context.Background(), method: TaskRes{}, remedy: r, data: data, options: o}
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
				step, done, err := train.Stepper(obj, data.samples(), data.views(), o.rules())
				if err != nil {
					return err
				}
				defer done()
				b.ResetTimer()
				for i := range b.N {
					if err := step(t.ctx, i); err != nil {
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

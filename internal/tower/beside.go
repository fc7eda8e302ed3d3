package tower

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"clipcalib/internal/device"
	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// copiers make an encoder of a type on another device, by the encoders' type.
var copiers = map[reflect.Type]func(encoder any, d *device.Device, w *Weights) any{}

// Copy lets [Beside] copy encoders of type E: to a device with the parameters on
// it. It is for the init function of E's package.
func Copy[E any](to func(*E, *device.Device, *Weights) *E) {
	copiers[reflect.TypeFor[E]()] = func(e any, d *device.Device, w *Weights) any { return to(e.(*E), d, w) }
}

// Beside returns an encoder like e on to, a device beside e's own, on: both read
// the same parameters in memory. Neither may be held by the caller, who closes
// what is returned.
func Beside[E any](e *E, on, to *device.Device) (*E, error) {
	kind := reflect.TypeFor[E]()
	var out *E
	err := device.Do(context.Background(), on, func(engine.Engine) error {
		return device.Do(context.Background(), to, func(eng engine.Engine) error {
			from := shown[kind](e)
			if from == nil {
				return errors.New("the encoder is closed")
			}
			w, err := from.beside(eng)
			if err == nil {
				out = copiers[kind](e, to, w).(*E)
			}
			return err
		})
	})
	return out, err
}

// beside shows the parameters to another engine.
func (w *Weights) beside(e engine.Engine) (*Weights, error) {
	sharer, ok := e.(engine.Sharer)
	if !ok {
		return nil, fmt.Errorf("%s shares no memory", e.Name())
	}
	out := &Weights{Engine: e, names: w.names, tensors: map[string]*tensor.Dense{}}
	for name, t := range w.tensors {
		own, err := sharer.Adopt(t, w.Engine)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out.tensors[name] = own
	}
	return out, nil
}

package device

import (
	"context"
	"errors"
	"fmt"

	"clipcalib/internal/engine"
)

// errClosed is what becomes of work on a closed device.
var errClosed = errors.New("the device is closed")

// Engine is the device's engine, for those who hold the device: engines do one
// thing at a time.
func Engine(d *Device) engine.Engine { return d.engine }

// Hold waits for the device, in order of asking, until ctx ends, and returns
// what gives it back. Until then every other call on the device waits, those of
// the same goroutine too, so a holder runs no code of others.
func Hold(ctx context.Context, d *Device) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case d.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for the device: %w", ctx.Err())
	}
	if d.closed {
		d.release()
		return nil, errClosed
	}
	return d.release, nil
}

// Do runs f while it holds the device.
func Do(ctx context.Context, d *Device, f func(engine.Engine) error) error {
	release, err := Hold(ctx, d)
	if err != nil {
		return err
	}
	defer release()
	return f(d.engine)
}

// Later runs f, which gives things of the engine's back, as soon as the device
// is free, without waiting for it: at once, or when its holder is done. On a
// closed device, which has nothing left, it does not run.
func Later(d *Device, f func()) {
	d.mu.Lock()
	d.later = append(d.later, f)
	select {
	case d.turn <- struct{}{}:
		d.mu.Unlock()
		d.release()
	default:
		d.mu.Unlock()
	}
}

// release gives the device back once what was left for later is done. Both are
// decided under mu, so that nothing is left behind.
func (d *Device) release() {
	for {
		d.mu.Lock()
		todo := d.later
		d.later = nil
		if len(todo) == 0 {
			<-d.turn
			d.mu.Unlock()
			return
		}
		d.mu.Unlock()
		if d.closed {
			continue
		}
		for _, f := range todo {
			f()
		}
	}
}

// Close waits for the call that runs and gives everything back; what is on the
// device is lost, and later calls are errors. Closing again does nothing.
func (d *Device) Close() error {
	d.turn <- struct{}{}
	defer d.release()
	if d.closed {
		return nil
	}
	d.mu.Lock()
	todo := d.later
	d.later = nil
	d.mu.Unlock()
	for _, f := range todo {
		f()
	}
	d.closed = true
	if err := d.engine.Close(); err != nil {
		return fmt.Errorf("close %s: %w", d.Name(), err)
	}
	return nil
}

// OrOpen returns d or, where that is nil, the processor, which is then the
// caller's to close.
func OrOpen(d *Device) (dev *Device, opened bool, err error) {
	if d != nil {
		return d, false, nil
	}
	dev, err = Open(Options{})
	return dev, true, err
}

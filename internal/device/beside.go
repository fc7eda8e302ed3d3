package device

import (
	"fmt"

	"clipcalib/internal/engine"
)

// Divisible reports whether devices can be had beside d: on the processor, of
// which each takes some threads. A GPU computes one thing after another.
func Divisible(d *Device) bool {
	_, ok := d.engine.(engine.Sharer)
	return ok
}

// Beside returns a device that computes at the same time as d, on the same threads
// and under the same name, and gives the same results. The caller closes it,
// before d.
func Beside(d *Device) (*Device, error) {
	e, ok := d.engine.(engine.Sharer)
	if !ok {
		return nil, fmt.Errorf("%s does one thing at a time", d.Name())
	}
	out := Share(e.Beside())
	out.kind, out.precision, out.threads = d.kind, d.precision, d.threads
	out.auto, out.passed = d.auto, d.passed
	return out, nil
}

// Busy says that so many more of d and the devices beside it are busy, or fewer.
// The threads are parted among those that are; when nobody says, each takes all.
func Busy(d *Device, more int) {
	if e, ok := d.engine.(engine.Sharer); ok {
		e.Busy(more)
	}
}

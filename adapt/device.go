package adapt

import (
	"clipcalib/internal/device"
)

// Device is a processor or GPU, opened once by clipcalib.OpenDevice and shared
// by all that computes on it; see clipcalib.Device for its methods.
type Device = device.Device

// withDevice runs f on d or, where that is nil, on the processor, opened for it.
func withDevice(d *Device, f func(*Device) error) error {
	d, opened, err := device.OrOpen(d)
	if err != nil {
		return err
	}
	if opened {
		defer d.Close()
	}
	return f(d)
}

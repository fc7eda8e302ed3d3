package clip

import (
	"clipcalib/internal/device"
	"clipcalib/internal/tower"
)

// Beside returns the model on a device beside its own: both compute at the same
// time and read the same weights in memory. The caller closes it before the
// device.
func Beside(m *Model, d *device.Device) (*Model, error) {
	out := &Model{Config: m.Config, Device: d, Truncated: m.Truncated}
	var err error
	if out.Images, err = tower.Beside(m.Images, m.Device, d); err == nil {
		out.Texts, err = tower.Beside(m.Texts, m.Device, d)
	}
	if err != nil {
		out.Close()
		return nil, err
	}
	return out, nil
}

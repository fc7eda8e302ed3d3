package device

import (
	"strings"

	"clipcalib/internal/engine"
)

// openSensors is what builds with CUDA support read GPUs by.
var openSensors = func(pci string) (engine.Sensors, error) { return nil, errLeftOut }

// Sensors opens what reads the state of a device's hardware, which the caller
// closes. An error says what is missing.
func Sensors(d *Device) (engine.Sensors, error) {
	if strings.HasPrefix(d.kind, "cuda") {
		on, ok := d.engine.(engine.OnGPU)
		if !ok {
			return nil, &engine.Unavailable{Why: d.Name() + " is no GPU", Remedy: "none is needed"}
		}
		gpu, err := on.GPU()
		if err != nil {
			return nil, err
		}
		return openSensors(gpu.PCI)
	}
	return openRAPL("/")
}

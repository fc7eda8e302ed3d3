//go:build gpu

package nvml

// #cgo LDFLAGS: -ldl
// #include <stdlib.h>
// #include "nvml.h"
// #include "read.h"
import "C"

import (
	"fmt"
	"unsafe"

	"clipcalib/internal/engine"
)

// Sensors reads one GPU.
type Sensors struct {
	device unsafe.Pointer
	name   string
}

var _ engine.Sensors = (*Sensors)(nil)

// Open opens the GPU at an address of the PCI bus, as in "00000000:3b:00.0".
func Open(pci string) (*Sensors, error) {
	why := make([]byte, 512)
	switch status := int(C.nvml_open((*C.char)(unsafe.Pointer(&why[0])), C.size_t(len(why)))); {
	case status == -1:
		return nil, &engine.Unavailable{Why: "NVML is not here (" + text(why) + ")",
			Remedy: "it comes with NVIDIA's driver; in a container, pass the capability utility", Absent: true}
	case status != 0:
		return nil, &engine.Unavailable{Why: "NVML does not start: " + text(why), Remedy: "see what nvidia-smi says"}
	}
	s := &Sensors{name: "NVML"}
	address := C.CString(pci)
	defer C.free(unsafe.Pointer(address))
	if status := C.nvml_device(address, &s.device); status != 0 {
		return nil, &engine.Unavailable{Why: fmt.Sprintf("NVML knows no GPU at %s: %s", pci, message(status)),
			Remedy: "see what nvidia-smi lists"}
	}
	version := make([]byte, 96)
	C.nvml_driver((*C.char)(unsafe.Pointer(&version[0])), C.uint(len(version)))
	if v := text(version); v != "" {
		s.name += ", driver " + v
	}
	return s, nil
}

// Name says what is read.
func (s *Sensors) Name() string { return s.name }

// Close does nothing: the library stays open till the process ends.
func (s *Sensors) Close() error { return nil }

// quantities are what is read in figures, with their divisors.
var quantities = []struct {
	at      int
	name    string
	divisor float64
}{
	{C.SM_CLOCK, "sm_clock_mhz", 1}, {C.MEMORY_CLOCK, "memory_clock_mhz", 1}, {C.TEMPERATURE, "temperature_c", 1},
	{C.POWER, "power_w", 1000}, {C.POWER_LIMIT, "power_limit_w", 1000}, {C.UTILISATION, "utilisation_percent", 1},
}

// reasons are the bits for which clocks are held down. That a GPU idles is none.
var reasons = []struct {
	bit  uint64
	name string
}{
	{C.nvmlClocksEventReasonApplicationsClocksSetting, "clocks set by applications"},
	{C.nvmlClocksEventReasonSwPowerCap, "power cap"},
	{C.nvmlClocksThrottleReasonHwSlowdown, "hardware slowdown"},
	{C.nvmlClocksEventReasonSyncBoost, "sync boost"},
	{C.nvmlClocksEventReasonSwThermalSlowdown, "temperature, by software"},
	{C.nvmlClocksThrottleReasonHwThermalSlowdown, "temperature, by hardware"},
	{C.nvmlClocksThrottleReasonHwPowerBrakeSlowdown, "power brake"},
	{C.nvmlClocksEventReasonDisplayClockSetting, "display clock"},
}

// Read reads what the GPU tells.
func (s *Sensors) Read() (engine.Reading, error) {
	var r C.Readings
	C.nvml_read(s.device, &r)
	out := engine.Reading{Values: map[string]float64{}}
	missing := func(name string, status C.int) {
		out.Missing = append(out.Missing, name+": "+message(status))
	}
	for _, q := range quantities {
		if status := r.status[q.at]; status != 0 {
			missing(q.name, status)
			continue
		}
		out.Values[q.name] = float64(r.value[q.at]) / q.divisor
	}
	if status := r.status[C.THROTTLE]; status != 0 {
		missing("throttle reasons", status)
	}
	for _, reason := range reasons {
		if uint64(r.value[C.THROTTLE])&reason.bit != 0 {
			out.Throttled = append(out.Throttled, reason.name)
		}
	}
	if status := r.status[C.ENERGY]; status != 0 {
		missing("energy", status)
	} else {
		out.Joules, out.Counts = float64(r.value[C.ENERGY])/1000, true
	}
	if len(out.Values) == 0 {
		return out, fmt.Errorf("NVML reads nothing of the GPU: %v", out.Missing)
	}
	return out, nil
}

func message(status C.int) string { return C.GoString(C.nvml_error(status)) }

// text is a string of C in a buffer.
func text(b []byte) string { return C.GoString((*C.char)(unsafe.Pointer(&b[0]))) }

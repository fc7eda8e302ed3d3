package device

import (
	"errors"
	"fmt"

	"clipcalib/internal/engine"
)

// errLeftOut is what a build for the processor alone says of GPUs.
var errLeftOut = &engine.Unavailable{Why: "this program was built without CUDA support",
	Remedy: "use --device cpu, or build it with make build; doctor says how without make", Absent: true}

// LeftOut reports whether an error says that GPUs are left out of this program.
func LeftOut(err error) bool { return errors.Is(err, errLeftOut) }

// listCards is what builds with CUDA support list the GPUs by.
var listCards = func() ([]engine.GPU, error) { return nil, errLeftOut }

// Cards describes the GPUs that this process sees; "cuda:N" is the N-th, from 0.
func Cards() ([]engine.GPU, error) { return listCards() }

// openAuto opens the first GPU, or the processor where that cannot be used.
func openAuto(o Options) (*Device, error) {
	o.Kind = "cuda"
	d, gpu := Open(o)
	if gpu == nil {
		d.auto = true
		return d, nil
	}
	o.Kind, o.Memory = "cpu", 0
	d, err := Open(o)
	if err != nil {
		return nil, fmt.Errorf("%w (device auto takes the processor, since %w)", err, gpu)
	}
	d.auto = true
	var u *engine.Unavailable
	if absent := errors.As(gpu, &u) && u.Absent; !absent || NVIDIARelease() != "" {
		d.passed = gpu.Error()
	}
	return d, nil
}

// Chosen reports whether a device was asked for as "auto" and, if that passed
// over a GPU of this machine, why.
func Chosen(d *Device) (auto bool, passed string) { return d.auto, d.passed }

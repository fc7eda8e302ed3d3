// Package device opens the device a user asks for by name and shares it: one
// engine, used by one call at a time.
package device

import (
	"cmp"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"clipcalib/internal/engine"
)

// Options say where and how to compute. The zero value is the processor, all
// its cores, in float32.
type Options struct {
	// Kind is "cpu" (also ""), "cuda" or "cuda:N", the N-th GPU that
	// CUDA_VISIBLE_DEVICES leaves, from 0, or "auto": the first GPU if it can be
	// used, else the processor. "cpu-go", of programs that had two engines for the
	// processor, is "cpu".
	Kind    string
	Threads int // cores to use; 0 means all
	// Precision is the form products are multiplied in: "fp32", "bf16", and on
	// a GPU "tf32" and "fp16" too; "" is the device's default.
	Precision string
	// Memory is the most bytes of a GPU's memory to hold; 0 is 95% of what is
	// free. The processor's is not bounded.
	Memory int64
}

// Device is a processor or GPU opened once and shared. It is safe for
// concurrent use; calls take turns.
type Device struct {
	engine    engine.Engine
	kind      string
	precision string
	threads   int
	memory    int64
	auto      bool
	passed    string // why auto passed over the GPU; "" if there is none

	turn chan struct{} // full while somebody holds the device
	// closed is the holder's.
	closed bool

	mu    sync.Mutex
	later []func() // to run before the device is given back
}

// opener makes an engine that is built in; index is that of a GPU.
type opener func(o Options, index int) (engine.Engine, error)

var openers = map[string]opener{"cpu": openCPU}

// Open returns the device o asks for. The caller closes it.
func Open(o Options) (*Device, error) {
	if Several(o.Kind) {
		return nil, fmt.Errorf("device %s: several GPUs encode data sets and nothing else: name one, as in cuda:0",
			o.Kind)
	}
	kind, index, err := parseKind(o.Kind)
	if err != nil {
		return nil, err
	}
	open, ok := openers[kind]
	switch {
	case !ok && kind == "cuda":
		return nil, fmt.Errorf("device cuda: %w", errLeftOut)
	case !ok && kind != "auto":
		return nil, fmt.Errorf("device %q is unknown: use auto, cpu or cuda", o.Kind)
	case o.Threads < 0:
		return nil, fmt.Errorf("%d threads: use 1 or more, or 0 for all cores", o.Threads)
	case o.Memory < 0:
		return nil, fmt.Errorf("a memory bound of %d bytes: use 1 or more, or 0 for what is free", o.Memory)
	case kind == "auto":
		return openAuto(o)
	case o.Memory > 0 && kind != "cuda":
		return nil, fmt.Errorf("device %s: a memory bound is for GPUs; on the processor smaller batches take less",
			kind)
	}
	e, err := open(o, index)
	if err != nil {
		return nil, err
	}
	d := Share(e)
	d.kind, d.memory = kind, o.Memory
	if kind != "cuda" {
		d.threads = cmp.Or(o.Threads, runtime.GOMAXPROCS(0))
		d.precision = cmp.Or(o.Precision, d.precision)
	}
	return d, nil
}

// parseKind takes "cuda:1" apart.
func parseKind(s string) (kind string, index int, err error) {
	kind, number, numbered := strings.Cut(strings.ToLower(s), ":")
	switch {
	case numbered:
	case kind == "", kind == "cpu-go":
		return "cpu", 0, nil
	default:
		return kind, 0, nil
	}
	if kind != "cuda" {
		return "", 0, fmt.Errorf("device %q is unknown: only GPUs have numbers, as in cuda:1", s)
	}
	if index, err = strconv.Atoi(number); err != nil || index < 0 {
		return "", 0, fmt.Errorf("device %q is unknown: a GPU's number is 0 or more, as in cuda:1", s)
	}
	return kind, index, nil
}

// Share makes an engine that is open already a device, whose Close closes it.
func Share(e engine.Engine) *Device {
	d := &Device{engine: e, kind: e.Name(), precision: engine.PrecisionOf(e), turn: make(chan struct{}, 1)}
	d.kind, _, _ = strings.Cut(d.kind, ":")
	return d
}

// Name says what runs, as in "cpu: pure Go (avx512), 2 threads, fp32".
func (d *Device) Name() string { return d.engine.Name() }

// String is Name.
func (d *Device) String() string { return d.Name() }

// Kind is "cpu" or "cuda".
func (d *Device) Kind() string { return d.kind }

// Precision is the form products are multiplied in, as in "fp32".
func (d *Device) Precision() string { return d.precision }

// Threads is the number of cores used; 0 on a GPU.
func (d *Device) Threads() int { return d.threads }

// Memory is the bound on a GPU's memory in bytes that was asked for; 0 is none.
func (d *Device) Memory() int64 { return d.memory }

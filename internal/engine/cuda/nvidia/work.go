//go:build gpu

package nvidia

// #include "shim.h"
import "C"

import (
	"fmt"
	"unsafe"

	"clipcalib/internal/engine/cuda"

	"gorgonia.org/cu"
)

// function returns a kernel of the module.
func (d *driver) function(name string) (unsafe.Pointer, error) {
	if f, ok := d.kernels[name]; ok {
		return f, nil
	}
	var fn cu.Function
	err := d.on(func() (err error) {
		fn, err = d.module.Function(name)
		return err
	})
	if err != nil {
		return nil, err
	}
	f := *(*unsafe.Pointer)(unsafe.Pointer(&fn))
	d.kernels[name] = f
	return f, nil
}

// Launch queues a kernel.
func (d *driver) Launch(l cuda.Launch) error {
	f, err := d.function(l.Kernel)
	if err != nil {
		return err
	}
	if len(l.Args) > cuda.MostArguments {
		return fmt.Errorf("%d bytes of arguments, the most is %d", len(l.Args), cuda.MostArguments)
	}
	copy(unsafe.Slice((*byte)(unsafe.Pointer(d.args)), len(l.Args)), l.Args)
	g := [6]C.uint32_t{C.uint32_t(l.Grid[0]), C.uint32_t(l.Grid[1]), C.uint32_t(l.Grid[2]),
		C.uint32_t(l.Block[0]), C.uint32_t(l.Block[1]), C.uint32_t(l.Block[2])}
	return code(C.shim_launch(d.contextHandle(), f, &g[0], C.uint32_t(l.Shared), d.streamHandle(),
		unsafe.Pointer(d.args), C.size_t(len(l.Args))))
}

// event implements cuda.Event.
type event struct {
	d *driver
	e cu.Event
}

// NewEvent returns an event.
func (d *driver) NewEvent() (cuda.Event, error) {
	e := &event{d: d}
	err := d.on(func() (err error) {
		e.e, err = cu.MakeEvent(cu.DisableTiming)
		return err
	})
	return e, err
}

func (e *event) Set(s cuda.Stream) error {
	return e.d.on(func() error { return e.e.Record(e.d.queue(s)) })
}
func (e *event) Hold(s cuda.Stream) error {
	return e.d.on(func() error { return e.d.queue(s).Wait(e.e, 0) })
}
func (e *event) Wait() error  { return e.d.on(e.e.Synchronize) }
func (e *event) Close() error { return e.d.on(func() error { return cu.DestroyEvent(&e.e) }) }

// queue returns a stream.
func (d *driver) queue(s cuda.Stream) cu.Stream {
	if s == cuda.Copies {
		return d.copies
	}
	return d.stream
}

// replay implements cuda.Replay by a CUDA graph.
type replay struct {
	d *driver
	g unsafe.Pointer // CUgraphExec
}

// Record begins to capture the stream.
func (d *driver) Record() error {
	return code(C.shim_capture_begin(d.contextHandle(), d.streamHandle()))
}

// Recorded ends the capture.
func (d *driver) Recorded() (cuda.Replay, error) {
	r := &replay{d: d}
	if err := code(C.shim_capture_end(d.contextHandle(), d.streamHandle(), &r.g)); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *replay) Run() error {
	return code(C.shim_graph_launch(r.d.contextHandle(), r.g, r.d.streamHandle()))
}
func (r *replay) Close() error { return code(C.shim_graph_destroy(r.d.contextHandle(), r.g)) }

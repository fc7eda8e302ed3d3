//go:build gpu

package nvidia

// #cgo CFLAGS: -I${SRCDIR}
// #cgo LDFLAGS: -ldl
// #include <stdlib.h>
// #include "shim.h"
// int libcuda_open(void);
// const char *libcuda_reason(void);
import "C"

import (
	"fmt"
	"runtime"
	"sync"
	"unsafe"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/cuda"

	"gorgonia.org/cu"
)

// workspaceBytes is what cuBLAS may use beside its operands; NVIDIA advises
// this much from Hopper on.
const workspaceBytes = 32 << 20

// driver implements cuda.Driver on one of the visible GPUs.
type driver struct {
	index     int
	info      cuda.Info
	device    cu.Device
	context   cu.CUContext
	stream    cu.Stream // Main
	copies    cu.Stream
	module    cu.Module
	kernels   map[string]unsafe.Pointer // CUfunction
	plans     map[shape]*plan
	workspace cu.DevicePtr
	args      *C.char        // packed arguments of a launch
	blas      unsafe.Pointer // cublasLtHandle_t of the context
	tuned     cuda.Algorithms
}

var _ cuda.Driver = (*driver)(nil)

// Open returns the driver of the first GPU that CUDA_VISIBLE_DEVICES leaves.
func Open() (cuda.Driver, error) { return OpenIndex(0) }

// OpenIndex returns the driver of a GPU by its place, from 0, among those that
// CUDA_VISIBLE_DEVICES leaves. Any of them can be open at a time, any number of
// times, and used beside one another.
func OpenIndex(index int) (cuda.Driver, error) {
	if err := start(); err != nil {
		return nil, err
	}
	d := &driver{index: index, kernels: map[string]unsafe.Pointer{}, plans: map[shape]*plan{}}
	if err := d.open(); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// start loads the driver's library and starts it, the first time.
func start() error {
	if status := int(C.libcuda_open()); status == -1 {
		return &engine.Unavailable{Why: fmt.Sprintf("no NVIDIA driver on this machine (%s)",
			C.GoString(C.libcuda_reason())),
			Remedy: "install it, or use --device cpu", Absent: true}
	} else if status != 0 {
		return cuda.DriverError(status)
	}
	if v := cu.Version(); v < cuda.LeastDriver {
		return &engine.Unavailable{Why: fmt.Sprintf("the NVIDIA driver runs CUDA %d.%d at most, %d.%d is needed",
			v/1000, v%1000/10, cuda.LeastDriver/1000, cuda.LeastDriver%1000/10),
			Remedy: "install a newer driver, or use --device cpu"}
	}
	return nil
}

// Cards describes the GPUs that CUDA_VISIBLE_DEVICES leaves, in order, without
// taking any: their memory is all there is, not what is free.
func Cards() ([]engine.GPU, error) {
	if err := start(); err != nil {
		return nil, err
	}
	n, err := cu.NumDevices()
	if err != nil {
		return nil, explain(err)
	}
	cards := make([]engine.GPU, n)
	for i := range cards {
		d, err := cu.GetDevice(i)
		if err != nil {
			return nil, explain(err)
		}
		info, err := describe(d)
		if err != nil {
			return nil, explain(err)
		}
		cards[i] = engine.GPU{Name: info.Name, Capability: info.Capability, Memory: info.Memory, Driver: info.Driver}
	}
	return cards, nil
}

// opening lets cuBLAS be loaded once.
var opening sync.Mutex

func (d *driver) open() (err error) {
	if n, err := cu.NumDevices(); err == nil && d.index >= n {
		return &engine.Unavailable{Why: fmt.Sprintf("there is no GPU %d among the %d that this process sees", d.index,
			n),
			Remedy: "use a lower number, counted from 0"}
	}
	if d.device, err = cu.GetDevice(d.index); err != nil {
		return explain(err)
	}
	if d.info, err = describe(d.device); err != nil {
		return explain(err)
	}
	if d.context, err = retain(d.index, d.device); err != nil {
		return explain(err)
	}
	if d.tuned, err = cuda.LoadAlgorithms(); err != nil {
		return err
	}
	if d.args = (*C.char)(C.malloc(C.size_t(cuda.MostArguments))); d.args == nil {
		return fmt.Errorf("out of host memory")
	}
	images, err := cuda.Images(d.info)
	if err != nil {
		return err
	}
	err = d.on(func() (err error) {
		if d.stream, err = cu.MakeStream(cu.NonBlocking); err != nil {
			return err
		}
		if d.copies, err = cu.MakeStream(cu.NonBlocking); err != nil {
			return err
		}
		if d.workspace, err = cu.MemAlloc(workspaceBytes); err != nil {
			return err
		}
		for _, image := range images {
			if d.module, err = cu.LoadData(image.Code); err == nil {
				d.info.Code = image.Name
				break
			}
			d.info.CodeRefused = fmt.Sprintf("%s: %v", image.Name, explain(err))
		}
		return err
	})
	if err != nil {
		return err
	}
	why := make([]byte, 256)
	opening.Lock()
	status := C.blas_open(d.contextHandle(), text(why), C.size_t(len(why)), C.int(d.info.Driver), &d.blas)
	opening.Unlock()
	if status != 0 {
		return &engine.Unavailable{Why: "cuBLAS: " + C.GoString((*C.char)(unsafe.Pointer(&why[0]))),
			Remedy: "install the CUDA toolkit's libraries, or name their folder in LD_LIBRARY_PATH"}
	}
	v := int(C.blas_version())
	d.info.Library = fmt.Sprintf("cuBLAS %d.%d.%d", v/10000, v/100%100, v%100)
	return nil
}

func describe(d cu.Device) (info cuda.Info, err error) {
	info.Driver = cu.Version()
	if info.Name, err = d.Name(); err != nil {
		return info, err
	}
	if info.Memory, err = d.TotalMem(); err != nil {
		return info, err
	}
	major, minor, err := d.ComputeCapability()
	if err != nil {
		return info, err
	}
	info.Capability = 10*major + minor
	var at [3]int
	for i, part := range []cu.DeviceAttribute{cu.PciDomainID, cu.PciBusID, cu.PciDeviceID} {
		if at[i], err = d.Attribute(part); err != nil {
			return info, err
		}
	}
	info.PCI = fmt.Sprintf("%08x:%02x:%02x.0", at[0], at[1], at[2])
	return info, nil
}

// on calls f on a thread where the context is current.
func (d *driver) on(f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cu.SetCurrentContext(d.context); err != nil {
		return explain(err)
	}
	return explain(f())
}

// The handles of package cu are structs of one pointer, not all of which it
// hands out.
func (d *driver) contextHandle() unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&d.context))
}
func (d *driver) streamHandle() unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&d.stream)) }

var (
	_ = [1]struct{}{}[unsafe.Sizeof(cu.CUContext{})-unsafe.Sizeof(uintptr(0))]
	_ = [1]struct{}{}[unsafe.Sizeof(cu.Stream{})-unsafe.Sizeof(uintptr(0))]
	_ = [1]struct{}{}[unsafe.Sizeof(cu.Function{})-unsafe.Sizeof(uintptr(0))]
)

// Info describes the device.
func (d *driver) Info() cuda.Info { return d.info }

// Sync waits for all queued work.
func (d *driver) Sync() error {
	return d.on(func() error {
		if err := d.copies.Synchronize(); err != nil {
			return err
		}
		return d.stream.Synchronize()
	})
}

// Close gives back what the driver holds.
func (d *driver) Close() error {
	for _, p := range d.plans {
		C.blas_free(p.plan)
	}
	d.plans = nil
	C.free(unsafe.Pointer(d.args))
	d.args = nil
	if (d.context == cu.CUContext{}) {
		return nil
	}
	err := d.on(func() error {
		C.blas_close(d.blas)
		d.blas = nil
		if (d.module != cu.Module{}) {
			_ = d.module.Unload()
		}
		if d.workspace != 0 {
			_ = cu.MemFree(d.workspace)
		}
		if (d.copies != cu.Stream{}) {
			_ = d.copies.Destroy()
		}
		if (d.stream != cu.Stream{}) {
			return d.stream.Destroy()
		}
		return nil
	})
	d.context = cu.CUContext{}
	return err
}

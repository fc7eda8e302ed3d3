//go:build gpu

package nvidia

// #include "shim.h"
import "C"

import (
	"errors"
	"fmt"
	"unsafe"

	"clipcalib/internal/engine/cuda"

	"gorgonia.org/cu"
)

// Memory returns the bytes that are free and that there are.
func (d *driver) Memory() (free, total int64, err error) {
	err = d.on(func() error {
		free, total, err = cu.MemInfo()
		return err
	})
	return free, total, err
}

// Alloc allocates device memory.
func (d *driver) Alloc(n int64) (p cuda.Ptr, err error) {
	err = d.on(func() error {
		at, err := cu.MemAlloc(n)
		p = cuda.Ptr(at)
		if errors.Is(err, cu.OutOfMemory) {
			return fmt.Errorf("%w: %d bytes", cuda.ErrNoMemory, n)
		}
		return err
	})
	return p, err
}

// Free frees device memory; the driver waits for the work that uses it.
func (d *driver) Free(p cuda.Ptr) error {
	return d.on(func() error { return cu.MemFree(cu.DevicePtr(p)) })
}

// AllocPinned allocates page-locked host memory.
func (d *driver) AllocPinned(n int) ([]byte, error) {
	var at unsafe.Pointer
	if err := code(C.shim_alloc_host(d.contextHandle(), &at, C.size_t(n))); err != nil {
		return nil, fmt.Errorf("page-locked memory: %w", err)
	}
	return unsafe.Slice((*byte)(at), n), nil
}

// FreePinned frees it.
func (d *driver) FreePinned(b []byte) error {
	return code(C.shim_free_host(d.contextHandle(), unsafe.Pointer(unsafe.SliceData(b))))
}

// CopyIn queues a copy from pinned memory.
func (d *driver) CopyIn(s cuda.Stream, to cuda.Ptr, from []byte) error {
	return d.on(func() error {
		return cu.MemcpyHtoDAsync(cu.DevicePtr(to), unsafe.Pointer(unsafe.SliceData(from)), int64(len(from)),
			d.queue(s))
	})
}

// CopyBack queues a copy to pinned memory.
func (d *driver) CopyBack(to []byte, from cuda.Ptr) error {
	return d.on(func() error {
		return cu.MemcpyDtoHAsync(unsafe.Pointer(unsafe.SliceData(to)), cu.DevicePtr(from), int64(len(to)), d.stream)
	})
}

// CopyOut copies to the host after all queued work, and waits.
func (d *driver) CopyOut(to []byte, from cuda.Ptr) error {
	return d.on(func() error {
		if err := d.stream.Synchronize(); err != nil {
			return err
		}
		return cu.MemcpyDtoH(unsafe.Pointer(unsafe.SliceData(to)), cu.DevicePtr(from), int64(len(to)))
	})
}

// Copy queues a copy within the device.
func (d *driver) Copy(to, from cuda.Ptr, n int64) error {
	return d.on(func() error {
		return cu.MemcpyDtoDAsync(cu.DevicePtr(to), cu.DevicePtr(from), n, d.stream)
	})
}

// Fill queues the setting of n words.
func (d *driver) Fill(to cuda.Ptr, word uint32, n int64) error {
	return d.on(func() error { return cu.MemsetD32Async(cu.DevicePtr(to), uint(word), n, d.stream) })
}

// Package cuda is the engine that runs on an NVIDIA GPU. The engine itself is
// plain Go over a small interface, Driver: package nvidia implements it on
// gorgonia.org/cu and cuBLAS, in programs built with the tag gpu; the tests
// implement it in another process that runs the same kernels on the processor.
//
// All work goes to one stream of the device, in program order, but for large
// uploads: they cross the bus in a second stream beside it. Nothing waits for
// work but Download, Sync, what Fetch returns, and an Upload whose staging
// memory is still in use. Kernels that find an index, label or trie out of bounds note it on the
// device and go on; the next Download or Sync reports it.
package cuda

import (
	"fmt"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// Precision is the form in which products are multiplied and, if it has 16
// bits, activations are kept on their way from one operation to the next
// (engine.Float16). Sums, softmax and norms are float32 in all of them.
type Precision uint8

// The precisions. The 16-bit ones apply to products with frozen weights.
const (
	FP32 Precision = iota
	TF32
	BF16
	FP16
)

var precisions = [...]string{FP32: "fp32", TF32: "tf32", BF16: "bf16", FP16: "fp16"}

func (p Precision) String() string { return precisions[p] }

// ParsePrecision reads a name; the empty one is fp32.
func ParsePrecision(s string) (Precision, error) {
	if s == "" {
		return FP32, nil
	}
	for p, name := range precisions {
		if s == name {
			return Precision(p), nil
		}
	}
	return 0, fmt.Errorf("precision %q is unknown on a GPU: use fp32, tf32, bf16 or fp16", s)
}

// Options chooses how an engine computes.
type Options struct {
	Precision Precision
	// Memory is the most device memory the engine holds, in bytes; 0 is 95% of
	// what was free when the engine was opened.
	Memory int64
}

// Engine implements engine.Engine on a Driver. It is used from one goroutine
// at a time.
type Engine struct {
	d         Driver
	pool      *pool
	staging   *staging
	precision Precision
	fault     Ptr
	frozen    map[*tensor.Dense]Ptr // 16-bit copies; 0 until first used
	recording *recording
	fetched   []*fetched
	fast      fastPath
	table     Algorithms
	name      string
}

var _ engine.Engine = (*Engine)(nil)

// New returns an engine on d, which Close closes.
func New(d Driver, o Options) (*Engine, error) {
	info := d.Info()
	if err := supports(info, o.Precision); err != nil {
		return nil, err
	}
	free, _, err := d.Memory()
	if err != nil {
		return nil, err
	}
	bound := o.Memory
	if bound <= 0 {
		bound = free / 20 * 19
	}
	e := &Engine{d: d, pool: newPool(d, bound), precision: o.Precision, frozen: map[*tensor.Dense]Ptr{}}
	e.name = fmt.Sprintf("cuda: %s, %.0f GiB, driver for CUDA %d.%d, %v", info.Name, float64(info.Memory)/(1<<30),
		info.Driver/1000, info.Driver%1000/10, o.Precision)
	if e.table, err = LoadAlgorithms(); err != nil {
		return nil, err
	}
	if e.fault, err = e.pool.get(faultBytes); err == nil {
		err = d.Fill(e.fault, 0, faultBytes/4)
	}
	if err == nil {
		e.staging, err = newStaging(d, e.pool)
	}
	if err != nil {
		return nil, err
	}
	return e, nil
}

const leastCapability = 75

func supports(info Info, p Precision) error {
	switch {
	case info.Capability < leastCapability:
		return &engine.Unavailable{Why: fmt.Sprintf("%s has compute capability %d.%d, the kernels need 7.5 (Turing, 2018) "+
			"or later",
			info.Name, info.Capability/10, info.Capability%10), Remedy: "use --device cpu"}
	case (p == BF16 || p == TF32) && info.Capability < 80:
		return &engine.Unavailable{Why: fmt.Sprintf("%s does not multiply %v (that needs compute capability 8.0)",
			info.Name, p), Remedy: "use fp16 or fp32"}
	}
	return nil
}

// Name says what runs, as in "cuda: NVIDIA H200, 140 GiB, driver for CUDA 13.0, fp32".
func (e *Engine) Name() string { return e.name }

// Held returns the bytes of device memory the engine holds, and how many of
// them are in use; what uploads pass through counts as unused.
func (e *Engine) Held() (held, used int64) {
	return e.pool.held, e.pool.used - e.staging.lanes.size()
}

// Close gives all memory back and closes the driver.
func (e *Engine) Close() error {
	if e.d == nil {
		return nil
	}
	err := e.d.Sync()
	for _, f := range []func() error{e.closeFetched, e.staging.close, e.pool.close, e.d.Close} {
		if e := f(); err == nil {
			err = e
		}
	}
	e.d = nil
	return err
}

// Driver returns what the engine runs on.
func (e *Engine) Driver() Driver { return e.d }

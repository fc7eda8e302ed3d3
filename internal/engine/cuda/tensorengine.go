package cuda

import (
	"errors"
	"fmt"
	"math"

	"gorgonia.org/tensor"
)

// What tensor.Engine asks for. tensor.StdEng is not embedded: the allocator it
// would lend uses the Go heap.
var (
	_ tensor.Engine       = (*Engine)(nil)
	_ tensor.NonStdEngine = (*Engine)(nil)
	_ tensor.Adder        = (*Engine)(nil)
)

// block is memory of the device as package tensor knows it.
type block struct {
	at   Ptr
	size int64
}

func (b block) Uintptr() uintptr { return uintptr(b.at) }
func (b block) MemSize() uintptr { return uintptr(b.size) }

// NonStdAlloc says that memory does not come from the Go heap.
func (e *Engine) NonStdAlloc() {}

// AllocAccessible says that Go cannot read the memory.
func (e *Engine) AllocAccessible() bool { return false }

// Alloc allocates bytes on the device.
func (e *Engine) Alloc(size int64) (tensor.Memory, error) {
	if size <= 0 {
		return nil, fmt.Errorf("%d bytes of device memory", size)
	}
	p, err := e.pool.get(size)
	return block{p, size}, err
}

// Free gives memory from Alloc back.
func (e *Engine) Free(mem tensor.Memory, _ int64) error { return e.pool.put(Ptr(mem.Uintptr())) }

// Memset sets every element of 4 bytes.
func (e *Engine) Memset(mem tensor.Memory, val any) error {
	words := int64(mem.MemSize()) / 4
	switch v := val.(type) {
	case float32:
		return e.d.Fill(Ptr(mem.Uintptr()), math.Float32bits(v), words)
	case int32:
		return e.d.Fill(Ptr(mem.Uintptr()), uint32(v), words)
	}
	return fmt.Errorf("cannot fill device memory with a %T", val)
}

// Memclr sets memory to zero. An error shows at the next call.
func (e *Engine) Memclr(mem tensor.Memory) {
	_ = e.d.Fill(Ptr(mem.Uintptr()), 0, int64(mem.MemSize())/4)
}

// Memcpy copies within the device.
func (e *Engine) Memcpy(dst, src tensor.Memory) error {
	if dst.MemSize() < src.MemSize() {
		return fmt.Errorf("%d bytes do not fit %d", src.MemSize(), dst.MemSize())
	}
	return e.d.Copy(Ptr(dst.Uintptr()), Ptr(src.Uintptr()), int64(src.MemSize()))
}

// Accessible is an error: Download copies to the host.
func (e *Engine) Accessible(tensor.Memory) (tensor.Memory, error) {
	return nil, errors.New("device memory cannot be read in place: use Download")
}

// WorksWith accepts contiguous row-major tensors.
func (e *Engine) WorksWith(order tensor.DataOrder) bool {
	return !order.IsColMajor() && order.IsContiguous()
}

// Add adds tensors of one shape, for Gorgonia's own sum of gradients.
func (e *Engine) Add(a, b tensor.Tensor, opts ...tensor.FuncOpt) (tensor.Tensor, error) {
	x, okA := a.(*tensor.Dense)
	y, okB := b.(*tensor.Dense)
	if !okA || !okB || !x.Shape().Eq(y.Shape()) {
		return nil, fmt.Errorf("cannot add %T %v and %T %v on a GPU", a, a.Shape(), b, b.Shape())
	}
	out, err := e.result(x, opts)
	if err != nil {
		return nil, err
	}
	return out, e.Sum(out, x, y)
}

// AddScalar adds a number to every element.
func (e *Engine) AddScalar(a tensor.Tensor, b any, _ bool, opts ...tensor.FuncOpt) (tensor.Tensor, error) {
	x, ok := a.(*tensor.Dense)
	v, okV := b.(float32)
	if !ok || !okV {
		return nil, fmt.Errorf("cannot add a %T to a %T on a GPU", b, a)
	}
	tmp, err := e.New(tensor.Float32, x.Shape()...)
	if err != nil {
		return nil, err
	}
	defer e.Release(tmp)
	if err := e.Fill(tmp, v); err != nil {
		return nil, err
	}
	return e.Add(x, tmp, opts...)
}

// result is where the options of an operation on x want its result.
func (e *Engine) result(x *tensor.Dense, opts []tensor.FuncOpt) (*tensor.Dense, error) {
	o := tensor.ParseFuncOpts(opts...)
	reuse, incr := o.IncrReuse()
	switch out, isDense := reuse.(*tensor.Dense); {
	case incr:
		return nil, errors.New("adding to a result is not built for the GPU")
	case reuse != nil && !isDense:
		return nil, fmt.Errorf("cannot write to a %T on a GPU", reuse)
	case out != nil:
		return out, nil
	case !o.Safe():
		return x, nil
	}
	return e.New(tensor.Float32, x.Shape()...)
}

package cuda

import "errors"

// Ptr is an address in the device's memory, which Go cannot read.
type Ptr uintptr

// Info describes a device.
type Info struct {
	Name       string
	Capability int    // 10 * major + minor, 90 for an H200
	Memory     int64  // bytes
	Driver     int    // highest CUDA version the driver runs, 13000 for 13.0
	PCI        string // address on the bus, as in "00000000:3b:00.0"

	Code        string // what the driver took of Images
	CodeRefused string // why it did not take a better one
	Library     string // what multiplies matrices, as "cuBLAS 13.1"
}

// Stream is a queue of work that is done in its order.
type Stream int

// The streams: Main has all kernels and products, Copies the uploads that go on
// beside them.
const (
	Main Stream = iota
	Copies
)

// Driver is what the engine asks of a device. All but Memory, Alloc and
// AllocPinned queue work, on Main unless they name the stream, and return; an
// error of queued work may come with any later call.
type Driver interface {
	Info() Info
	// Memory returns the bytes that are free and that there are.
	Memory() (free, total int64, err error)
	// Alloc returns memory aligned to 256 bytes, or an error that wraps ErrNoMemory.
	Alloc(n int64) (Ptr, error)
	// Free waits for the queued work that may use p.
	Free(p Ptr) error
	// AllocPinned returns host memory the device can copy from on its own.
	AllocPinned(n int) ([]byte, error)
	FreePinned(b []byte) error

	// CopyIn queues a copy from pinned memory, which must stay as it is until
	// an event recorded after it has come.
	CopyIn(s Stream, to Ptr, from []byte) error
	// CopyBack queues a copy to pinned memory, which is there when an event set
	// after it has come.
	CopyBack(to []byte, from Ptr) error
	// CopyOut copies to any Go memory, after all work queued before; it waits.
	CopyOut(to []byte, from Ptr) error
	Copy(to, from Ptr, n int64) error
	// Fill sets n words of 32 bits.
	Fill(to Ptr, word uint32, n int64) error
	Launch(l Launch) error
	// Product returns an error that wraps ErrNoBias, having done nothing, where
	// it cannot add p.Bias.
	Product(p Product) error

	NewEvent() (Event, error)
	// Record begins to note queued work instead of doing it.
	Record() error
	// Recorded ends that and returns what was noted.
	Recorded() (Replay, error)
	// Sync waits for all queued work and returns its first error.
	Sync() error
	Close() error
}

// Errors that the engine acts on.
var (
	ErrNoMemory = errors.New("out of device memory")
	ErrNoBias   = errors.New("no product with a bias")
)

// Event is a mark in a stream.
type Event interface {
	Set(s Stream) error  // marks the work that s has so far
	Hold(s Stream) error // what s gets from now on waits for the marked work, if any
	Wait() error         // waits until the marked work is done
	Close() error
}

// Replay is recorded work.
type Replay interface {
	Run() error // queues it again
	Close() error
}

// Launch runs a kernel. Args holds the arguments as a C struct would.
type Launch struct {
	Kernel      string
	Grid, Block [3]uint32
	Shared      uint32 // bytes of dynamic shared memory
	Args        []byte
}

// Kind is the type of the factors of a product.
type Kind int32

// The kinds: float32, bfloat16, half, and float32 rounded to TF32.
const (
	Float Kind = iota
	BFloat
	Half
	Tensor32
)

// Product is a matrix product as cuBLAS takes it, column-major:
// D = Alpha op(A) op(B) + Beta C + Bias, where Bias (or 0) has M elements and
// is added to every column. A and B are of Kind; C, D and Bias of Result, which
// is Float, or Kind where that has 16 bits. Sums are float32. C and D may be
// one; both have the leading dimension LDC.
type Product struct {
	A, B, C, D, Bias       Ptr
	M, N, K, LDA, LDB, LDC int64
	TransA, TransB         bool
	Kind, Result           Kind
	Alpha, Beta            float32
}

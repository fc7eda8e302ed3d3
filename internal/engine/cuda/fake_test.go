//go:build linux

package cuda

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"unsafe"
)

// fake is a device in another process (emulator/), which runs the kernels on
// the processor. Its addresses lie in a range that this process reserves and
// can neither read nor write: a touch by Go would end the test.
//
// Work is queued here and sent when something waits for it, so that staging
// memory changed too early shows.
type fake struct {
	info     Info
	limit    int64 // bytes of memory
	held     int64
	blocks   map[Ptr]int64
	next     Ptr
	end      Ptr
	queues   [2][]item // of the streams
	eager    bool      // copies are done as early as they may, not as late
	noting   *[]func() // where work goes instead, while it is recorded
	noBias   bool
	launches []Launch
	products []Product
	waits    int // of the host for the device
	failing  error
	pinned   [][]byte
	alarm    int // work left until ring is called
	ring     func()

	process *exec.Cmd
	to      *bufio.Writer
	input   io.WriteCloser
	from    *bufio.Reader
}

const (
	fakeRange = 1 << 32
	page      = 4096
)

var fakes atomic.Int64 // made so far, each with a range of its own

// kernelNames lists the kernels: the preprocessor knows what the macros build.
func kernelNames(t testing.TB) []string {
	compiler, err := exec.LookPath("g++")
	if err != nil {
		t.Skip("needs g++ to run the kernels on the processor")
	}
	src, err := exec.Command(compiler, "-std=c++17", "-E", "-P", "-x", "c++", "-I", "emulator",
		"kernels/kernels.cu").Output()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range regexp.MustCompile(`static __attribute__\(\(used\)\) void (\w+)`).FindAllSubmatch(src, -1) {
		names = append(names, string(m[1]))
	}
	if len(names) < 50 {
		t.Fatalf("only %d kernels are found", len(names))
	}
	return names
}

var emulator struct {
	once sync.Once
	dir  string
	path string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if emulator.dir != "" {
		os.RemoveAll(emulator.dir)
	}
	os.Exit(code)
}

// buildEmulator compiles the kernels for the processor.
func buildEmulator(t testing.TB) string {
	compiler, err := exec.LookPath("g++")
	if err != nil {
		t.Skip("needs g++ to run the kernels on the processor")
	}
	emulator.once.Do(func() {
		if emulator.dir, emulator.err = os.MkdirTemp("", "emulator"); emulator.err != nil {
			return
		}
		var table strings.Builder
		for _, n := range kernelNames(t) {
			fmt.Fprintf(&table, "add<%s>(%q, &%s);\n", n, n, n)
		}
		if emulator.err = os.WriteFile(filepath.Join(emulator.dir, "table.inc"), []byte(table.String()),
			0o644); emulator.err != nil {
			return
		}
		emulator.path = filepath.Join(emulator.dir, "emulator")
		out, err := exec.Command(compiler, "-std=c++17", "-O1", "-w", "-fsanitize=alignment",
			"-fsanitize-undefined-trap-on-error", "-I", emulator.dir, "-I", "emulator", "-I", "kernels",
			"-o", emulator.path, "emulator/emulator.cpp").CombinedOutput()
		if err != nil {
			emulator.err = fmt.Errorf("compile the emulator: %w\n%s", err, out)
		}
	})
	if emulator.err != nil {
		t.Fatal(emulator.err)
	}
	return emulator.path
}

func newFake(t testing.TB) *fake {
	path := buildEmulator(t)
	// The range must be free in both processes: far from where programs, their
	// libraries and Go's heap lie.
	base := Ptr(0x100000000000 + fakeRange*fakes.Add(1))
	at, _, errno := syscall.Syscall6(syscall.SYS_MMAP, uintptr(base), fakeRange, syscall.PROT_NONE,
		syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_NORESERVE, ^uintptr(0), 0)
	if errno != 0 || at != uintptr(base) {
		t.Fatalf("reserve addresses at %#x: %v", uintptr(base), errno)
	}
	var err error
	f := &fake{
		info:  Info{Name: "Emulator", Capability: 90, Memory: 1 << 30, Driver: 13000},
		limit: 1 << 30, blocks: map[Ptr]int64{}, next: base, end: base + fakeRange,
	}
	f.process = exec.Command(path, fmt.Sprint(uintptr(base)), fmt.Sprint(fakeRange))
	f.process.Stderr = os.Stderr
	if f.input, err = f.process.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := f.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	f.to, f.from = bufio.NewWriterSize(f.input, 1<<20), bufio.NewReader(out)
	if err := f.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		f.input.Close()
		f.process.Wait()
		syscall.Syscall(syscall.SYS_MUNMAP, uintptr(base), fakeRange, 0)
	})
	return f
}

func (f *fake) put(vs ...any) {
	for _, v := range vs {
		switch v := v.(type) {
		case string:
			f.to.WriteString(v)
		case []byte:
			f.to.Write(v)
		default:
			binary.Write(f.to, binary.LittleEndian, v)
		}
	}
}

// flush does what is queued.
func (f *fake) flush() error {
	return f.wait(func() bool { return false })
}

// wait does what is queued till enough says so.
func (f *fake) wait(enough func() bool) error {
	f.waits++
	if err := f.until(enough); err != nil {
		return err
	}
	f.put("Y")
	f.to.Flush()
	var n uint32
	if err := binary.Read(f.from, binary.LittleEndian, &n); err != nil {
		return fmt.Errorf("the emulator ended: %w", err)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(f.from, text); err != nil {
		return err
	}
	if n > 0 {
		return errors.New(string(text))
	}
	return f.failing
}

func (f *fake) Info() Info { return f.info }

func (f *fake) Memory() (free, total int64, err error) { return f.limit - f.held, f.limit, nil }

func (f *fake) Alloc(n int64) (Ptr, error) {
	if f.held+n > f.limit {
		return 0, fmt.Errorf("%w: %d bytes", ErrNoMemory, n)
	}
	// It ends where a page does, and a page that nobody may touch follows.
	pages := (n + page - 1) / page * page
	p := f.next + Ptr(pages-n)/256*256
	f.next += Ptr(pages + page)
	if f.next > f.end {
		return 0, errors.New("the test's range of addresses is used up")
	}
	f.held += n
	f.blocks[p] = n
	f.put("M", uint64(p), uint64(n), uint32(1))
	// Fresh memory holds NaN, to show what is read before it is written.
	return p, f.Fill(p, math.MaxUint32, n/4)
}

func (f *fake) Free(p Ptr) error {
	n, ok := f.blocks[p]
	if !ok {
		return fmt.Errorf("freed %#x, which is not allocated", uintptr(p))
	}
	delete(f.blocks, p)
	f.held -= n
	err := f.flush()
	f.put("M", uint64(p), uint64(n), uint32(0))
	return err
}

func (f *fake) AllocPinned(n int) ([]byte, error) {
	b := make([]byte, n)
	f.pinned = append(f.pinned, b)
	return b, nil
}

func (f *fake) FreePinned(b []byte) error {
	f.pinned = slices.DeleteFunc(f.pinned, func(p []byte) bool { return &p[0] == &b[0] })
	return nil
}

// isPinned says whether a value lies in memory that the device may read.
func (f *fake) isPinned(v *float32) bool {
	at := uintptr(unsafe.Pointer(v))
	return slices.ContainsFunc(f.pinned, func(b []byte) bool {
		begin := uintptr(unsafe.Pointer(&b[0]))
		return begin <= at && at < begin+uintptr(len(b))
	})
}

func (f *fake) CopyIn(s Stream, to Ptr, from []byte) error {
	return f.doIn(s, item{work: func() { f.put("W", uint64(to), uint64(len(from)), from) }})
}

func (f *fake) CopyBack(to []byte, from Ptr) error {
	for i := range to {
		to[i] = 0xff // NaN, to show what is read before it is there
	}
	return f.do(func() { f.read(to, from) })
}

func (f *fake) CopyOut(to []byte, from Ptr) error {
	if err := f.flush(); err != nil {
		return err
	}
	return f.read(to, from)
}

func (f *fake) read(to []byte, from Ptr) error {
	f.put("R", uint64(from), uint64(len(to)))
	f.to.Flush()
	_, err := io.ReadFull(f.from, to)
	return err
}

func (f *fake) Copy(to, from Ptr, n int64) error {
	return f.do(func() { f.put("C", uint64(to), uint64(from), n) })
}

func (f *fake) Fill(to Ptr, word uint32, n int64) error {
	return f.do(func() { f.put("S", uint64(to), n, word) })
}

func (f *fake) Launch(l Launch) error {
	f.launches = append(f.launches, l)
	args := append([]byte(nil), l.Args...)
	return f.do(func() {
		f.put("L", uint32(len(l.Kernel)), l.Kernel, l.Grid, l.Block, l.Shared, uint32(len(args)), args)
	})
}

func (f *fake) Product(p Product) error {
	if f.noBias && p.Bias != 0 {
		return ErrNoBias
	}
	f.products = append(f.products, p)
	flag := func(b bool) int32 {
		if b {
			return 1
		}
		return 0
	}
	kind := p.Kind
	if kind == Tensor32 {
		kind = Float
	}
	return f.do(func() {
		f.put("G", uint64(p.A), uint64(p.B), uint64(p.C), uint64(p.D), uint64(p.Bias), p.M, p.N, p.K, p.LDA, p.LDB,
			p.LDC, flag(p.TransA), flag(p.TransB), int32(kind), p.Alpha, p.Beta, int32(p.Result))
	})
}

type fakeReplay struct {
	f    *fake
	work []func()
}

func (f *fake) Record() error {
	f.noting = &[]func(){}
	return nil
}

func (f *fake) Recorded() (Replay, error) {
	r := &fakeReplay{f, *f.noting}
	f.noting = nil
	return r, nil
}

func (r *fakeReplay) Run() error {
	for _, w := range r.work {
		if err := r.f.do(w); err != nil {
			return err
		}
	}
	return nil
}
func (r *fakeReplay) Close() error { return nil }

func (f *fake) Sync() error  { return f.flush() }
func (f *fake) Close() error { return nil }

//go:build linux

package cuda

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

func mustNew(t testing.TB, e *Engine, n int) *tensor.Dense {
	t.Helper()
	x, err := e.New(tensor.Float32, n)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestFreedMemoryIsUsedAgain(t *testing.T) {
	e, f := open(t, Options{})
	for range 200 {
		x, y := mustNew(t, e, 1000), mustNew(t, e, 70000)
		if err := e.Dot(mustNew(t, e, 1), 1, x, x); err != nil {
			t.Fatal(err)
		}
		e.Release(x)
		e.Release(y)
	}
	held, used := e.Held()
	if held != f.held || held > 1<<20 || used > held {
		t.Errorf("holds %d bytes (device: %d), uses %d", held, f.held, used)
	}
	if err := e.pool.put(Ptr(1)); err == nil {
		t.Error("memory of another was taken back")
	}
}

// TestPoolHoldsWhatItSays compares the pool's books with the device's over
// random requests, and its bound.
func TestPoolHoldsWhatItSays(t *testing.T) {
	f := newFake(t)
	const bound = 1 << 20
	p := newPool(f, bound)
	r := rand.New(rand.NewPCG(5, 6))
	var live []Ptr
	refused := 0
	for range 3000 {
		if len(live) > 0 && r.IntN(2) == 0 {
			i := r.IntN(len(live))
			if err := p.put(live[i]); err != nil {
				t.Fatal(err)
			}
			live = append(live[:i], live[i+1:]...)
		} else {
			ptr, err := p.get(int64(1 + r.IntN(1<<(4+r.IntN(15)))))
			var oom *engine.OutOfMemory
			if errors.As(err, &oom) {
				refused++
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			live = append(live, ptr)
		}
		if p.held > bound || p.used > p.held || p.held != f.held {
			t.Fatalf("held %d (device %d), used %d, bound %d", p.held, f.held, p.used, bound)
		}
	}
	if refused == 0 {
		t.Error("the bound was never reached")
	}
	if err := p.close(); err != nil || f.held != 0 {
		t.Error(err, f.held)
	}
}

func TestSizesWasteLittle(t *testing.T) {
	for n := int64(1); n < 1<<40; n += 1 + n/7 {
		c := sizeClass(n)
		if c < n || c%512 != 0 || (n > 4096 && c-n > n/8) || sizeClass(c) != c {
			t.Fatalf("%d bytes take %d", n, c)
		}
	}
}

func TestOutOfMemorySaysWhatWouldFit(t *testing.T) {
	e, f := open(t, Options{Memory: 1 << 20})
	x := mustNew(t, e, 100_000)
	_, err := e.New(tensor.Float32, 300_000)
	var oom *engine.OutOfMemory
	if !errors.As(err, &oom) || !strings.Contains(err.Error(), "out of GPU memory") {
		t.Fatalf("error %v", err)
	}
	if oom.Batch(64) != 0 {
		t.Error("a batch is named for a part of the need")
	}
	if err := e.Reserve(1_500_000); !errors.As(err, &oom) {
		t.Errorf("error %v", err)
	}
	if b := oom.Batch(64); b < 1 || int64(b)*oom.Need/64 > oom.Free {
		t.Errorf("batch %d of %+v", b, oom)
	}
	if s := engine.NameFit(err, engine.Images, 64).Error(); !strings.Contains(s, "64 images at a time") ||
		strings.Contains(s, "would fit") {
		t.Error(s)
	}
	e.Release(x) // and what was in use can be had in another shape
	y, err := e.New(tensor.Float32, 200_000)
	if err != nil {
		t.Fatal(err)
	}
	e.Release(y)

	f.limit = f.held + 1000 // another process takes the rest of the card
	if _, err := e.New(tensor.Float32, 240_000); !errors.As(err, &oom) {
		t.Errorf("error %v", err)
	}
	if err := e.Sync(); err != nil {
		t.Error("the engine does not go on:", err)
	}
}

// TestNothingWaitsWithinAStep counts how often the host waits for the device.
func TestNothingWaitsWithinAStep(t *testing.T) {
	e, f := open(t, Options{})
	x, y := mustNew(t, e, 64*64), mustNew(t, e, 1)
	m := e.View(x, 64, 64)
	step := func() error {
		return first(e.Upload(x, make([]float32, 64*64)), e.LayerNorm(m, m, e.View(x, 64), e.View(x, 64), 1e-5),
			e.Gemm(engine.Gemm{Out: e.View(x, 64, 64), A: m, B: m, TransB: true, Alpha: 1, Act: engine.GELU,
				Residual: m}),
			e.LayerNormGrad(m, e.View(x, 64), e.View(x, 64), m, e.View(x, 64), m, 1e-5),
			e.Dot(y, 1, x, x), e.ColSum(e.View(x, 64), m))
	}
	if err := step(); err != nil {
		t.Fatal(err)
	}
	if err := e.Sync(); err != nil {
		t.Fatal(err)
	}
	before := f.waits
	if err := step(); err != nil {
		t.Fatal(err)
	}
	if f.waits != before {
		t.Errorf("the host waited %d times in a step", f.waits-before)
	}
}

func TestRecordedWorkRunsAgain(t *testing.T) {
	e, f := open(t, Options{})
	x, y := mustNew(t, e, 5000), mustNew(t, e, 1)
	step := func() error { return first(e.Axpby(x, 1, x, 1, x), e.Dot(y, 1, x, x)) }
	data := make([]float32, 5000)
	for i := range data {
		data[i] = 1
	}
	if err := first(e.Upload(x, data), step()); err != nil { // 2
		t.Fatal(err)
	}
	r, err := e.Record(step)
	if err != nil {
		t.Fatal(err)
	}
	launches := len(f.launches)
	// What the recording writes to must not be handed out meanwhile.
	z := mustNew(t, e, 16)
	for range 3 { // 4, 8, 16
		if err := first(r.Run(), e.Fill(z, 7)); err != nil {
			t.Fatal(err)
		}
	}
	got := make([]float32, 1)
	if err := e.Download(got, y); err != nil || got[0] != 5000*16*16 {
		t.Error(got, err)
	}
	if len(f.launches) != launches {
		t.Error("a recording that runs launches kernels one by one")
	}
	if _, err := e.Record(func() error { return e.Sync() }); !errors.Is(err, errRecording) {
		t.Errorf("waiting while recording: %v", err)
	}
	if _, err := e.Record(func() error { return e.Upload(x, data) }); !errors.Is(err, errRecording) {
		t.Errorf("uploading while recording: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestDriverFailureReachesTheCaller(t *testing.T) {
	e, f := open(t, Options{})
	x := mustNew(t, e, 10)
	f.failing = DriverError(700)
	for name, err := range map[string]error{"kernel": e.Act(x, x, engine.ReLU), "sync": e.Sync(),
		"download": e.Download(make([]float32, 10), x)} {
		if err == nil || !strings.Contains(err.Error(), "CUDA error 700") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
	f.failing = nil
}

func TestUnsuitableCardsAreRefused(t *testing.T) {
	for _, c := range []struct {
		capability int
		p          Precision
		want       string
	}{{61, FP32, "compute capability 6.1"}, {75, BF16, "use fp16"}, {75, TF32, "use fp16"}, {75, FP16, ""},
		{80, BF16, ""}} {
		err := supports(Info{Name: "Card", Capability: c.capability}, c.p)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d %v: %v", c.capability, c.p, err)
		}
	}
	if _, err := ParsePrecision("int8"); err == nil {
		t.Error("int8 accepted")
	}
}

func TestEngineIsWhatGorgoniaNeeds(t *testing.T) {
	e, _ := open(t, Options{})
	x, y := mustNew(t, e, 3), mustNew(t, e, 3)
	if err := first(e.Upload(x, []float32{1, 2, 3}), e.Upload(y, []float32{10, 20, 30})); err != nil {
		t.Fatal(err)
	}
	read := func(z tensor.Tensor, err error) []float32 {
		t.Helper()
		got := make([]float32, 3)
		if err == nil {
			err = e.Download(got, z.(*tensor.Dense))
		}
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := read(e.Add(x, y)); got[2] != 33 {
		t.Error(got)
	}
	if got := read(e.AddScalar(x, float32(0.5), true, tensor.WithReuse(y))); got[2] != 3.5 {
		t.Error(got)
	}
	if got := read(e.Add(x, y, tensor.UseUnsafe())); got[2] != 6.5 || read(x, nil)[2] != 6.5 {
		t.Error(got)
	}
	if _, err := e.Add(x, y, tensor.WithIncr(y)); err == nil {
		t.Error("adding to a result accepted")
	}
	mem, err := e.Alloc(12)
	if err != nil {
		t.Fatal(err)
	}
	if err := first(e.Memset(mem, float32(2)), e.Memcpy(x, mem)); err != nil || read(x, nil)[1] != 2 {
		t.Error(err)
	}
	e.Memclr(mem)
	if err := first(e.Memcpy(x, mem), e.Free(mem, 12)); err != nil || read(x, nil)[1] != 0 {
		t.Error(err)
	}
	if _, err := e.Accessible(mem); err == nil || e.AllocAccessible() {
		t.Error("device memory is called accessible")
	}
	if _, err := e.New(tensor.Float64, 2); err == nil {
		t.Error("float64 accepted")
	}
	if _, err := e.New(tensor.Float32, math.MaxInt32, math.MaxInt32, 2); err == nil {
		t.Error("an absurd shape accepted")
	}
}

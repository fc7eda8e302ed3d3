//go:build linux

package cuda_test

import (
	"context"
	"errors"
	"iter"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipcalib/internal/cliptest"
	"clipcalib/internal/device"
	"clipcalib/internal/engine"
	"clipcalib/internal/engine/cuda"
	"clipcalib/internal/engine/enginetest/models"
	"clipcalib/internal/engine/ref"
	"clipcalib/vit"
	"clipcalib/weights"
)

// pictures is n random pictures as a loader makes them.
func pictures(p vit.Preprocessor, n int) vit.Batch {
	r := rand.New(rand.NewPCG(7, 8))
	b := vit.Batch{Preprocessor: p, Pixels: make([]byte, n*p.Len())}
	for i := range b.Pixels {
		b.Pixels[i] = byte(r.Uint32())
	}
	for i := range n {
		b.Indices = append(b.Indices, i)
	}
	return b
}

// inBatches cuts pictures into batches whose memory is used again, as a
// loader's is.
func inBatches(b vit.Batch, size int) iter.Seq2[vit.Batch, error] {
	return func(yield func(vit.Batch, error) bool) {
		part := b
		length := b.Preprocessor.Len()
		buffer := make([]byte, size*length)
		for at := 0; at < len(b.Indices); at += size {
			part.Indices = b.Indices[at:min(at+size, len(b.Indices))]
			part.Pixels = buffer[:copy(buffer, b.Pixels[at*length:])]
			if !yield(part, nil) {
				return
			}
			clear(buffer)
		}
	}
}

func encoder(t *testing.T, e engine.Engine, ck *weights.Checkpoint, batch int) *vit.Encoder {
	t.Helper()
	v, err := vit.NewEncoder(ck, vit.Options{Device: device.Share(e), Batch: batch})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

// TestBytesGiveTheFeaturesOfFloats wants equal bits on every engine, whatever
// the normalisation.
func TestBytesGiveTheFeaturesOfFloats(t *testing.T) {
	ck := openTiny(t)
	for name, e := range map[string]engine.Engine{
		"reference": ref.New(), "cpu": openCPU(t), "cuda fp32": cuda.OpenFake(t, cuda.Options{}),
		"cuda bf16": cuda.OpenFake(t, cuda.Options{Precision: cuda.BF16}),
		"cuda fp16": cuda.OpenFake(t, cuda.Options{Precision: cuda.FP16}),
	} {
		v := encoder(t, e, ck, 2)
		for _, p := range []vit.Preprocessor{v.Preprocessor(),
			v.Preprocessor().WithNormalization([3]float32{0.1, 0.2, 0.3}, [3]float32{1, 2, 0.5})} {
			b := pictures(p, 5)
			flat, err := b.Float32()
			if err != nil {
				t.Fatal(err)
			}
			var floats [][]float32
			for at := 0; at < len(flat); at += p.Len() {
				floats = append(floats, flat[at:at+p.Len()])
			}
			want, err := v.Encode(t.Context(), floats)
			if err != nil {
				t.Fatal(err)
			}
			got, err := v.EncodeBatch(t.Context(), b)
			if err != nil {
				t.Fatal(err)
			}
			for i := range want {
				for j := range want[i] {
					if math.Float32bits(got[i][j]) != math.Float32bits(want[i][j]) {
						t.Fatalf("%s: picture %d, value %d: %g from bytes, %g from floats", name, i, j, got[i][j],
							want[i][j])
					}
				}
			}
		}
	}
}

// TestTheDeviceIsNeverIdle wants a batch to be queued before the host waits for
// the one before it, and one wait a batch.
func TestTheDeviceIsNeverIdle(t *testing.T) {
	ck, e := openTiny(t), cuda.OpenFake(t, cuda.Options{})
	v := encoder(t, e, ck, 4)
	all := pictures(v.Preprocessor(), 24)
	want, err := encoder(t, openCPU(t), ck, 24).EncodeBatch(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	var got [][]float32
	waits := 0
	for b, err := range v.EncodeBatches(t.Context(), inBatches(all, 4)) {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, b.Features...); len(got) == 4 {
			waits = cuda.Waits(e)
		}
		if last := len(got) == 24; cuda.Busy(e) == last {
			t.Errorf("after %d pictures the device has work: %v", len(got), !last)
		}
	}
	if n := cuda.Waits(e) - waits; n != 5 {
		t.Errorf("%d waits for 5 batches", n)
	}
	if w := models.Worst(got, want); !(w < 1e-6) {
		t.Errorf("1 - cosine is %g", w)
	}
}

// TestFeaturesBeforeAnErrorAreKept wants the batches before a failure.
func TestFeaturesBeforeAnErrorAreKept(t *testing.T) {
	ck, e := openTiny(t), cuda.OpenFake(t, cuda.Options{Memory: 4 << 20})
	v := encoder(t, e, ck, 8)
	all := pictures(v.Preprocessor(), 20)
	failed := errors.New("no more pictures")
	broken := func(yield func(vit.Batch, error) bool) {
		for b := range inBatches(all, 8) {
			if len(b.Indices) < 8 {
				yield(vit.Batch{}, failed)
				return
			}
			if !yield(b, nil) {
				return
			}
		}
	}
	n := 0
	var last error
	for b, err := range v.EncodeBatches(t.Context(), broken) {
		n, last = n+len(b.Features), err
	}
	if n != 16 || !errors.Is(last, failed) {
		t.Errorf("%d features and %v", n, last)
	}
	// A batch that was asked for by number does not give way, but is explained.
	large := encoder(t, e, ck, 512)
	cuda.Limit(e, 0)
	_, err := large.EncodeBatch(context.Background(), pictures(v.Preprocessor(), 512))
	var many *engine.TooMany
	if !errors.As(err, &many) || many.Of != engine.Images || many.N != 512 || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v", err)
	}
}

// TestPatchesOfAnyLengthAreMultipliedIn16Bits takes a patch of 14 x 14, as
// ViT-L/14's, whose 588 values are no whole 16 bytes: in the 16-bit precisions
// they are filled up to 592, in float32 they stay.
func TestPatchesOfAnyLengthAreMultipliedIn16Bits(t *testing.T) {
	c := cliptest.Tiny()
	c.Vision.ImageSize, c.Vision.Patch = 28, 14
	path := filepath.Join(t.TempDir(), "tiny.pt")
	if err := cliptest.Write(path, c, 1); err != nil {
		t.Fatal(err)
	}
	ck, err := weights.OpenCLIP(path, weights.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer ck.Close()
	base := encoder(t, openCPU(t), ck, 3)
	batch := pictures(base.Preprocessor(), 3)
	want, err := base.EncodeBatch(t.Context(), batch)
	if err != nil {
		t.Fatal(err)
	}
	flat, err := batch.Float32()
	if err != nil {
		t.Fatal(err)
	}
	for p, wish := range map[cuda.Precision]struct {
		k    int64
		kind cuda.Kind
		most float64
	}{cuda.FP32: {588, cuda.Float, 1e-6}, cuda.BF16: {592, cuda.BFloat, 2e-3}, cuda.FP16: {592, cuda.Half, 5e-5}} {
		e := cuda.OpenFake(t, cuda.Options{Precision: p})
		v := encoder(t, e, ck, 3)
		got, err := v.EncodeBatch(t.Context(), batch)
		if err != nil {
			t.Fatal(err)
		}
		if product := cuda.Products(e)[0]; product.K != wish.k || product.Kind != wish.kind {
			t.Errorf("%v: patches of %d values are multiplied as kind %d", p, product.K, product.Kind)
		}
		if w := models.Worst(got, want); !(w < wish.most) {
			t.Errorf("%v: 1 - cosine is %g", p, w)
		}
		floats, err := v.Encode(t.Context(), [][]float32{flat[:len(flat)/3]})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(floats[0], got[0]) {
			t.Errorf("%v: floats and bytes differ", p)
		}
	}
}

package vit_test

import (
	"context"
	"errors"
	"image"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"

	"clipcalib/vit"
)

// onSeveral encodes n pictures two at a time on so many encoders.
func onSeveral(t *testing.T, encoders, n int) (rows [][]float32, indices []int) {
	t.Helper()
	var es []*vit.Encoder
	for range encoders {
		es = append(es, openTiny(t, 2))
	}
	l := vit.Loader{Preprocessor: es[0].Preprocessor(), BatchSize: 2}
	for b, err := range vit.EncodeBatchesOn(t.Context(), es, l.Batches(t.Context(), n, opened)) {
		if err != nil {
			t.Fatal(err)
		}
		rows, indices = append(rows, b.Features...), append(indices, b.Indices...)
	}
	return rows, indices
}

// TestSeveralEncodersGiveWhatOneGives wants every bit and the order of one
// encoder, of fewer batches than encoders and of many more.
func TestSeveralEncodersGiveWhatOneGives(t *testing.T) {
	for _, n := range []int{1, 4, 27} {
		want, order := onSeveral(t, 1, n)
		for _, encoders := range []int{2, 3, 5} {
			rows, indices := onSeveral(t, encoders, n)
			if len(rows) != n || !slices.Equal(indices, order) {
				t.Fatalf("%d pictures on %d: %d rows of %v", n, encoders, len(rows), indices)
			}
			for i := range rows {
				for j, v := range want[i] {
					if math.Float32bits(rows[i][j]) != math.Float32bits(v) {
						t.Fatalf("%d pictures on %d: row %d differs", n, encoders, i)
					}
				}
			}
		}
	}
}

// TestAnErrorOnSeveralComesAfterWhatWasBefore ends the batches, an encoder, the
// reader and the context early.
func TestAnErrorOnSeveralComesAfterWhatWasBefore(t *testing.T) {
	es := []*vit.Encoder{openTiny(t, 2), openTiny(t, 2), openTiny(t, 2)}
	l := vit.Loader{Preprocessor: es[0].Preprocessor(), BatchSize: 2, Strict: true}
	lost := errors.New("lost")
	read := func(ctx context.Context, bad int) iter.Seq2[vit.Batch, error] {
		return l.Batches(ctx, 40, func(i int) (image.Image, error) {
			if i == bad {
				return nil, lost
			}
			return opened(i)
		})
	}
	batches := 0
	var last error
	for _, err := range vit.EncodeBatchesOn(t.Context(), es, read(t.Context(), 17)) {
		if last = err; err == nil {
			batches++
		}
	}
	if batches != 8 || !errors.Is(last, lost) {
		t.Errorf("%d batches before picture 17, %v", batches, last)
	}
	n := 0
	for range vit.EncodeBatchesOn(t.Context(), es, read(t.Context(), -1)) {
		if n++; n == 3 {
			break
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n = 0
	for _, err := range vit.EncodeBatchesOn(ctx, es, read(ctx, -1)) {
		last = err
		if n++; n == 4 {
			cancel()
		}
	}
	if !errors.Is(last, context.Canceled) || n > 40 {
		t.Errorf("after its context ended: %d, %v", n, last)
	}
	es[1].Close()
	n = 0
	for _, err := range vit.EncodeBatchesOn(t.Context(), es, read(t.Context(), -1)) {
		if last = err; err == nil {
			n++
		}
	}
	if n != 1 || last == nil || !strings.Contains(last.Error(), "closed") {
		t.Errorf("with a closed encoder: %d batches, %v", n, last)
	}
}

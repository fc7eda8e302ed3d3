package vit

import (
	"context"
	"fmt"
	"image"
	"iter"
	"slices"

	"clipcalib/internal/imageio"
)

// EncodeFiles reads picture files on all processors, preprocesses them and
// returns their features, as Encode does, in the order of the paths. The first
// file that cannot be read ends it with an error that names the file; to go on
// past such files use a Loader.
func (e *Encoder) EncodeFiles(ctx context.Context, paths []string) ([][]float32, error) {
	loader := Loader{Preprocessor: e.Preprocessor(), BatchSize: e.Batch(), Strict: true}
	open := func(i int) (image.Image, error) { return imageio.Open(paths[i]) }
	out := make([][]float32, 0, len(paths))
	for b, err := range e.EncodeBatches(ctx, loader.Batches(ctx, len(paths), open)) {
		if err != nil {
			return nil, err
		}
		out = append(out, b.Features...)
	}
	return out, nil
}

// EncodeBatch returns the features of a batch of a Loader, one row a picture.
func (e *Encoder) EncodeBatch(ctx context.Context, b Batch) ([][]float32, error) {
	in, err := e.byteImages(b)
	if err != nil {
		return nil, err
	}
	return e.encode(ctx, in)
}

// Encoded is the features of a batch.
type Encoded struct {
	Indices  []int       // as the batch had them
	Features [][]float32 // one row a picture, of length Dim
}

// EncodeBatches encodes batches as they come, such as a Loader's, and yields
// their features in the same order. A batch's features are yielded once the
// next batch has been queued: the device works meanwhile, and what follows a
// batch on the host, such as decoding, does not hold it up. An error of the
// batches or of the encoder comes last, after the features of all batches
// before it.
func (e *Encoder) EncodeBatches(ctx context.Context, batches iter.Seq2[Batch, error]) iter.Seq2[Encoded, error] {
	return ahead(ctx, e, batches, func(l *line, b Batch) (Encoded, error) { return l.batch(ctx, b) })
}

// EncodeGroups is EncodeBatches for images as Encode takes them, such as the
// views of one picture after another.
func (e *Encoder) EncodeGroups(ctx context.Context, groups iter.Seq2[[][]float32, error],
) iter.Seq2[[][]float32, error] {
	return ahead(ctx, e, groups, func(l *line, images [][]float32) ([][]float32, error) { return l.floats(ctx, images) })
}

// ahead encodes what comes in and yields each result once the next has been
// queued: only then it is whole.
func ahead[In, Out any](ctx context.Context, e *Encoder, in iter.Seq2[In, error],
	queue func(*line, In) (Out, error),
) iter.Seq2[Out, error] {
	return func(yield func(Out, error) bool) {
		l := line{e: e}
		defer l.drop()
		var before *Out // queued, not yielded yet
		hand := func() bool {
			done := before
			before = nil
			return done == nil || yield(*done, nil)
		}
		var none Out
		for x, err := range in {
			var now Out
			if err == nil {
				now, err = queue(&l, x)
			}
			if err != nil {
				if failed := l.flush(ctx); failed != nil {
					err = failed
				} else if !hand() {
					return
				}
				yield(none, err)
				return
			}
			if !hand() {
				return
			}
			before = &now
		}
		if err := l.flush(ctx); err != nil {
			yield(none, err)
			return
		}
		hand()
	}
}

// batch queues a batch. It is whole when the line has gone on to another.
func (l *line) batch(ctx context.Context, b Batch) (Encoded, error) {
	in, err := l.e.byteImages(b)
	if err != nil {
		return Encoded{}, err
	}
	out := Encoded{Indices: slices.Clone(b.Indices), Features: make([][]float32, in.len())}
	return out, l.add(ctx, in, out.Features)
}

// byteImages checks a batch.
func (e *Encoder) byteImages(b Batch) (*byteImages, error) {
	if b.Preprocessor.table == nil {
		b.Preprocessor = e.pre
	}
	size := e.pre.Len()
	if got := b.Preprocessor.size; got != e.pre.size {
		return nil, fmt.Errorf("pictures of %d x %d pixels, the image tower takes %d x %d", got, got, e.pre.size,
			e.pre.size)
	}
	if len(b.Pixels)%size != 0 || len(b.Pixels)/size != len(b.Indices) {
		return nil, fmt.Errorf("%d bytes are not %d pictures of 3 x %d x %d",
			len(b.Pixels), len(b.Indices), e.pre.size, e.pre.size)
	}
	return &byteImages{Batch: b, n: len(b.Indices), size: size}, nil
}

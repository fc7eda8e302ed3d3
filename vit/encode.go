package vit

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"clipcalib/internal/device"
	"clipcalib/internal/engine"
	"clipcalib/internal/engine/cpu/parallel"
)

// Encode returns the feature of each image, of length Dim and not normalised,
// in the order of the images. An image is what Preprocessor makes: 3 x S x S
// values. When ctx ends, Encode stops and returns its error: at once while it
// waits for the device, else behind the operation that runs. Pictures that are
// bytes are encoded from a quarter of the memory by EncodeBatch.
func (e *Encoder) Encode(ctx context.Context, images [][]float32) ([][]float32, error) {
	in, err := e.floatImages(images)
	if err != nil {
		return nil, err
	}
	return e.encode(ctx, in)
}

// floats queues images, whose features are whole when the line has gone on.
func (l *line) floats(ctx context.Context, images [][]float32) ([][]float32, error) {
	in, err := l.e.floatImages(images)
	if err != nil {
		return nil, err
	}
	out := make([][]float32, in.len())
	return out, l.add(ctx, in, out)
}

// encode returns the features of all images.
func (e *Encoder) encode(ctx context.Context, in images) ([][]float32, error) {
	out := make([][]float32, in.len())
	l := line{e: e}
	defer l.drop()
	if err := l.add(ctx, in, out); err != nil {
		return nil, err
	}
	return out, l.flush(ctx)
}

// images is pictures in one of the forms that programs take.
type images interface {
	len() int
	shape(n int) shape
	// put sets the leaves of a program to the n images from at on.
	put(p *program, at, n int) error
}

// line encodes images with one job ahead: the results of a job are read when
// the next one has been queued, so that the device need not wait while the host
// reads results and fills the next input.
type line struct {
	e    *Encoder
	last *job
}

// job is images on their way through the tower.
type job struct {
	out  [][]float32 // where the features go
	wait func() ([]float32, error)
}

// add queues all images; the features of the last of them are in out after
// flush.
func (l *line) add(ctx context.Context, in images, out [][]float32) error {
	if in.len() == 0 {
		return l.flush(ctx)
	}
	again := false // memory was made free for these images
	for at := 0; at < in.len(); {
		n := l.e.piece(in.len() - at)
		wait, err := l.e.start(ctx, in, at, n)
		if err != nil {
			if l.e.makeRoom(ctx, err, n, again) {
				again = true
				continue
			}
			return fmt.Errorf("encode images: %w", engine.NameFit(err, engine.Images, n))
		}
		again = false
		if err := l.next(ctx, &job{out: out[at : at+n], wait: wait}); err != nil {
			return err
		}
		at += n
	}
	return nil
}

// piece is the number of images to encode next of so many. An automatic batch
// that gave way cuts them into equal parts, so that one program serves all.
func (e *Encoder) piece(left int) int {
	batch := e.Batch()
	if !e.auto || left <= batch {
		return min(batch, left)
	}
	parts := (left + batch - 1) / batch
	return (left + parts - 1) / parts
}

// flush waits for what is queued.
func (l *line) flush(ctx context.Context) error { return l.next(ctx, nil) }

// drop forgets what is queued, without waiting for the device.
func (l *line) drop() {
	last := l.last
	l.last = nil
	if last != nil {
		device.Later(l.e.device, func() { _, _ = last.wait() })
	}
}

// next takes the results of the last job, which j follows.
func (l *line) next(ctx context.Context, j *job) error {
	if l.last == nil {
		l.last = j
		return nil
	}
	release, err := device.Hold(ctx, l.e.device)
	if err != nil {
		if j != nil {
			device.Later(l.e.device, func() { _, _ = j.wait() })
		}
		return fmt.Errorf("encode images: %w", err)
	}
	last := l.last
	l.last = j
	features, err := last.wait()
	release()
	if err != nil {
		return fmt.Errorf("encode images: %w", err)
	}
	d := l.e.Dim()
	for i := range last.out {
		last.out[i] = features[i*d : (i+1)*d : (i+1)*d]
	}
	return nil
}

// start queues the n images from at on.
func (e *Encoder) start(ctx context.Context, in images, at, n int) (wait func() ([]float32, error), err error) {
	release, err := device.Hold(ctx, e.device)
	if err != nil {
		return nil, err
	}
	defer release()
	if e.weights == nil {
		return nil, errors.New("the encoder is closed")
	}
	s := in.shape(n)
	p, err := e.programs.Get(s, func() (*program, error) { return e.compile(s) })
	if err != nil {
		return nil, err
	}
	if err := in.put(p, at, n); err != nil {
		return nil, err
	}
	if err := p.Run(ctx); err != nil {
		return nil, err
	}
	return p.Fetch(p.features)
}

// makeRoom reports whether n images are to be tried again after err. Where
// memory did not suffice, the programs of other batches give way at first, then
// an automatic batch becomes smaller.
func (e *Encoder) makeRoom(ctx context.Context, err error, n int, again bool) bool {
	var oom *engine.OutOfMemory
	if !errors.As(err, &oom) {
		return false
	}
	release, held := device.Hold(ctx, e.device)
	if held != nil {
		return false
	}
	defer release()
	e.programs.Close()
	switch {
	case !again:
		return true
	case !e.auto || n == 1:
		return false
	}
	e.batch.Store(int64(oom.Smaller(n)))
	return true
}

// floatImages checks images.
func (e *Encoder) floatImages(images [][]float32) (*floatImages, error) {
	s := e.config.Vision.ImageSize
	size := 3 * s * s
	for i, img := range images {
		if len(img) != size {
			return nil, fmt.Errorf("image %d has %d values, the image tower takes 3 x %d x %d = %d", i, len(img), s, s,
				size)
		}
	}
	return &floatImages{images: images, size: size}, nil
}

// floatImages is pictures as Preprocessor makes them.
type floatImages struct {
	images [][]float32
	size   int
}

func (f *floatImages) len() int          { return len(f.images) }
func (f *floatImages) shape(n int) shape { return shape{n: n} }

func (f *floatImages) put(p *program, at, n int) error {
	return p.g.Write(p.images, func(to []float32, from int) error {
		first, end := from/f.size, (from+len(to)-1)/f.size+1
		gather(end-first, func(i int) {
			begin := (first+i)*f.size - from // of the image in to; below 0 if a part of it is there already
			copy(to[max(begin, 0):], f.images[at+first+i][max(-begin, 0):])
		})
		return nil
	})
}

// byteImages is pictures of bytes, one after the other.
type byteImages struct {
	Batch
	n, size int
	flat    []byte
}

func (b *byteImages) len() int          { return b.n }
func (b *byteImages) shape(n int) shape { return shape{n, true} }

func (b *byteImages) put(p *program, at, n int) error {
	if table := b.Preprocessor.table; p.normalised != table {
		if err := p.g.Set(p.table, b.Preprocessor.values()); err != nil {
			return err
		}
		p.normalised = table
	}
	pixels := b.Pixels[at*b.size : (at+n)*b.size]
	if row := (b.size + 3) / 4 * 4; row != b.size { // pictures begin at whole words
		if b.flat == nil {
			b.flat = make([]byte, n*row)
		}
		for i := range n {
			copy(b.flat[i*row:], pixels[i*b.size:(i+1)*b.size])
		}
		pixels = b.flat[:n*row]
	}
	return p.g.Set(p.images, pixels)
}

// gather calls put for 0 to n-1 on several goroutines: one alone copies slower
// than a GPU encodes.
func gather(n int, put func(i int)) {
	parallel.For(runtime.GOMAXPROCS(0), n, 2, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			put(i)
		}
	})
}

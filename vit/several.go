package vit

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"

	"clipcalib/internal/caught"
)

// EncodeBatchesOn is [Encoder.EncodeBatches] on several encoders of one
// checkpoint, each on a device of its own: batches go to them in turn, and the
// features come in the order of the batches, the same as one of the encoders
// gives, to the bit, where the devices are alike. An encoder whose memory does
// not suffice for a batch cuts that batch, as it does alone.
func EncodeBatchesOn(ctx context.Context, encoders []*Encoder, batches iter.Seq2[Batch, error],
) iter.Seq2[Encoded, error] {
	if len(encoders) == 1 {
		return encoders[0].EncodeBatches(ctx, batches)
	}
	return func(yield func(Encoded, error) bool) {
		if len(encoders) == 0 {
			yield(Encoded{}, errors.New("no encoders"))
			return
		}
		ctx, stop := context.WithCancel(ctx)
		var workers []*worker
		defer func() {
			stop()
			for _, w := range workers {
				w.end()
			}
		}()
		for _, e := range encoders {
			workers = append(workers, startWorker(ctx, e))
		}
		t := turns{workers: workers}
		for b, err := range batches {
			if err != nil {
				if t.rest(yield) {
					yield(Encoded{}, err)
				}
				return
			}
			if !t.give(b, yield) {
				return
			}
		}
		t.rest(yield)
	}
}

// aheadOfOne is the number of batches that an encoder has at a time: the one that it
// computes and the one that it brings to the device meanwhile.
const aheadOfOne = 2

// worker encodes batches on one device.
type worker struct {
	in      chan Batch
	out     chan result
	buffers [aheadOfOne + 1][]byte // batches are copied: a loader reuses its memory
	done    sync.WaitGroup
	once    sync.Once
}

type result struct {
	encoded Encoded
	err     error
}

func startWorker(ctx context.Context, e *Encoder) *worker {
	// The channels hold all that is under way, so neither side ever waits for
	// room in them.
	w := &worker{in: make(chan Batch, aheadOfOne+1), out: make(chan result, aheadOfOne+2)}
	w.done.Go(func() {
		in := func(yield func(Batch, error) bool) {
			for b := range w.in {
				if !yield(b, nil) {
					return
				}
			}
		}
		if err := caught.Call(func() error {
			for f, err := range e.EncodeBatches(ctx, in) {
				if err != nil {
					return err
				}
				w.out <- result{encoded: f}
			}
			return nil
		}); err != nil {
			w.out <- result{err: err}
		}
		close(w.out)
	})
	return w
}

// close says that no more batches come.
func (w *worker) close() { w.once.Do(func() { close(w.in) }) }

// end waits for the worker to be done with its device.
func (w *worker) end() {
	w.close()
	w.done.Wait()
}

// turns deals batches out and takes their features in the same order.
type turns struct {
	workers     []*worker
	dealt, took int
}

// give hands the next batch to the encoder whose turn it is. That has room once
// its batch before the last was taken.
func (t *turns) give(b Batch, yield func(Encoded, error) bool) bool {
	n := len(t.workers)
	if t.dealt-t.took == aheadOfOne*n && !t.take(yield) {
		return false
	}
	w := t.workers[t.dealt%n]
	buffer := &w.buffers[t.dealt/n%len(w.buffers)]
	*buffer = append((*buffer)[:0], b.Pixels...)
	b.Pixels, b.Indices = *buffer, slices.Clone(b.Indices)
	w.in <- b
	t.dealt++
	return true
}

// take yields the features of the oldest batch that is under way.
func (t *turns) take(yield func(Encoded, error) bool) bool {
	r, ok := <-t.workers[t.took%len(t.workers)].out
	t.took++
	if !ok && r.err == nil {
		r.err = errors.New("an encoder ended early")
	}
	return yield(r.encoded, r.err) && r.err == nil
}

// rest takes what is under way, and reports whether all of it was encoded.
func (t *turns) rest(yield func(Encoded, error) bool) bool {
	for _, w := range t.workers {
		w.close()
	}
	for t.took < t.dealt {
		if !t.take(yield) {
			return false
		}
	}
	return true
}

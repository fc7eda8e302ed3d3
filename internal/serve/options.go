package serve

import (
	"cmp"
	"context"
	"fmt"
	"image"
	"time"
)

// Predictor classifies pictures.
type Predictor interface {
	// Prepare makes what Predict takes of a picture: as small as may be, since
	// it waits in the queue. It is called by several goroutines at a time.
	Prepare(picture image.Image) (any, error)
	// Predict returns one answer a prepared picture, in order. It is called by
	// one goroutine at a time.
	Predict(ctx context.Context, prepared []any) ([]Answer, error)
	// Info is what GET /info says of the model, made into JSON.
	Info() any
}

// Answer is what is known of one picture.
type Answer struct {
	// Body is the answer's JSON value with so many classes, 0 for as many as the
	// predictor thinks best; its form does not depend on how many pictures share a
	// batch.
	Body func(top int) (any, error)
	// RangeRatio is the adapted logits' range over the zero-shot one.
	RangeRatio float64
	// Drifted says that the picture lies outside of what training saw.
	Drifted bool
	// Confidence after the remedy, between 0 and 1.
	Confidence float64
}

// Options bound what a server takes. The zero value is fit for a small machine.
type Options struct {
	Batch   int           // pictures predicted at once at most; 0 means 32
	Wait    time.Duration // how long the first picture of a batch waits for others; 0 means 5 ms, below 0 not at all
	Queue   int           // pictures accepted and not yet answered, at most; 0 means 256
	Bytes   int64         // size of a request's body, at most; 0 means 16 MiB
	Pixels  int           // width times height of a picture, at most; 0 means 50 million
	Memory  int64         // bytes of bodies that are being read, of all clients, at most; 0 means 256 MiB
	MaxTop  int           // classes that a request may ask for, at most; 0 means 1
	Timeout time.Duration // for reading a request, and again for answering it; 0 means 30 s
}

func (o Options) resolved() (Options, error) {
	if o.MaxTop < 0 || o.Batch < 0 || o.Queue < 0 || o.Bytes < 0 || o.Pixels < 0 || o.Memory < 0 || o.Timeout < 0 {
		return o, fmt.Errorf("serve: a limit below 0 (top %d, batch %d, queue %d, bytes %d, pixels %d, memory "+
			"%d, timeout %v)",
			o.MaxTop, o.Batch, o.Queue, o.Bytes, o.Pixels, o.Memory, o.Timeout)
	}
	o.MaxTop = cmp.Or(o.MaxTop, 1)
	o.Batch = cmp.Or(o.Batch, 32)
	o.Wait = cmp.Or(o.Wait, 5*time.Millisecond)
	o.Queue = cmp.Or(o.Queue, 256)
	o.Bytes = cmp.Or(o.Bytes, 16<<20)
	o.Pixels = cmp.Or(o.Pixels, 50_000_000)
	o.Memory = max(cmp.Or(o.Memory, 256<<20), o.Bytes)
	o.Timeout = cmp.Or(o.Timeout, 30*time.Second)
	return o, nil
}

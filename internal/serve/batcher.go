package serve

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// errFull is the error of a picture that found the queue full.
var errFull = errors.New("the queue is full")

// errStopped is the error of a picture that came after the server began to stop.
var errStopped = errors.New("the server is stopping")

// job is one accepted picture.
type job struct {
	ctx      context.Context // of the client: ends when it leaves
	prepared any
	done     chan result // of capacity 1
}

type result struct {
	answer Answer
	err    error
}

// batcher joins pictures into batches.
type batcher struct {
	predictor Predictor
	options   Options
	metrics   *metrics

	mu      sync.Mutex // orders accept against close
	closed  bool
	queue   chan *job
	stop    context.CancelFunc
	stopped chan struct{}

	seconds atomic.Uint64 // a picture took of late, the bits of a float64
	working atomic.Int64  // pictures of the batch that is being predicted
}

func newBatcher(p Predictor, o Options, m *metrics) *batcher {
	ctx, stop := context.WithCancel(context.Background())
	b := &batcher{predictor: p, options: o, metrics: m, queue: make(chan *job, o.Queue), stop: stop,
		stopped: make(chan struct{})}
	go b.run(ctx)
	return b
}

// accept puts pictures into the queue, all or none of them: a request is not
// half accepted.
func (b *batcher) accept(ctx context.Context, prepared []any) ([]*job, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, errStopped
	}
	if cap(b.queue)-len(b.queue) < len(prepared) || b.wait(len(prepared)) > b.options.Timeout {
		return nil, errFull
	}
	jobs := make([]*job, len(prepared))
	for i, p := range prepared {
		jobs[i] = &job{ctx: ctx, prepared: p, done: make(chan result, 1)}
		b.queue <- jobs[i]
	}
	b.metrics.queued.Set(float64(len(b.queue)))
	return jobs, nil
}

// wait is how long more pictures would wait to be answered, at the pace of late:
// what is accepted is to be answered in time.
func (b *batcher) wait(more int) time.Duration {
	ahead := float64(int64(len(b.queue)+more) + b.working.Load())
	return time.Duration(ahead * math.Float64frombits(b.seconds.Load()) * float64(time.Second))
}

// paced notes how long a batch took.
func (b *batcher) paced(pictures int, took time.Duration) {
	now, last := took.Seconds()/float64(pictures), math.Float64frombits(b.seconds.Load())
	if last > 0 {
		now = 0.7*last + 0.3*now
	}
	b.seconds.Store(math.Float64bits(now))
}

// close takes no more pictures and waits until those accepted are answered, or
// until ctx ends, which ends what is under way.
func (b *batcher) close(ctx context.Context) error {
	b.mu.Lock()
	if !b.closed {
		b.closed = true
		close(b.queue)
	}
	b.mu.Unlock()
	defer b.stop()
	select {
	case <-b.stopped:
		return nil
	case <-ctx.Done():
		b.stop()
		<-b.stopped
		return ctx.Err()
	}
}

// run answers batch after batch until the queue is closed and empty.
func (b *batcher) run(ctx context.Context) {
	defer close(b.stopped)
	for first := range b.queue {
		b.answer(ctx, b.collect(first))
		b.metrics.queued.Set(float64(len(b.queue)))
	}
}

// collect waits a little for pictures to share a batch with the first.
func (b *batcher) collect(first *job) []*job {
	batch := []*job{first}
	wait := time.NewTimer(max(0, b.options.Wait))
	defer wait.Stop()
	for len(batch) < b.options.Batch {
		select { // what is there already needs no waiting
		case j, ok := <-b.queue:
			if !ok {
				return batch
			}
			batch = append(batch, j)
			continue
		default:
		}
		select {
		case j, ok := <-b.queue:
			if !ok {
				return batch
			}
			batch = append(batch, j)
		case <-wait.C:
			return batch
		}
	}
	return batch
}

// answer predicts a batch, without those whose clients have left.
func (b *batcher) answer(ctx context.Context, batch []*job) {
	wanted := batch[:0]
	for _, j := range batch {
		if err := j.ctx.Err(); err != nil {
			j.done <- result{err: err}
			continue
		}
		wanted = append(wanted, j)
	}
	if len(wanted) == 0 {
		return
	}
	prepared := make([]any, len(wanted))
	for i, j := range wanted {
		prepared[i] = j.prepared
	}
	began := time.Now()
	b.working.Store(int64(len(prepared)))
	answers, err := b.predict(ctx, prepared)
	b.working.Store(0)
	b.paced(len(prepared), time.Since(began))
	b.metrics.batch(len(wanted), time.Since(began), answers)
	for i, j := range wanted {
		r := result{err: err}
		if err == nil {
			r.answer = answers[i]
		}
		j.done <- r
	}
}

// predict calls the predictor; what it panics with fails the batch alone.
func (b *batcher) predict(ctx context.Context, prepared []any) (answers []Answer, err error) {
	defer func() {
		if r := recover(); r != nil {
			answers, err = nil, fmt.Errorf("internal error: %v", r)
		}
	}()
	answers, err = b.predictor.Predict(ctx, prepared)
	if err == nil && len(answers) != len(prepared) {
		err = fmt.Errorf("internal error: %d answers for %d pictures", len(answers), len(prepared))
	}
	return answers, err
}

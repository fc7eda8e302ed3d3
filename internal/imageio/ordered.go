package imageio

import (
	"context"
	"iter"
	"runtime"

	"clipcalib/internal/caught"
)

// Ordered runs work(0) to work(n-1) on several goroutines and yields the
// results in that order, each with its error. At most ahead results wait to be
// taken, which bounds memory. Workers 0 means one per processor. When the loop
// over it ends early or ctx is done, running calls finish and no more start;
// a done ctx yields its error last.
func Ordered[T any](ctx context.Context, n, workers, ahead int, work func(i int) (T, error)) iter.Seq2[T, error] {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	return func(yield func(T, error) bool) {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		type call struct {
			index int
			value T
			err   error
			done  chan struct{}
		}
		queue := make(chan *call, max(ahead, workers)) // in order, for the consumer
		jobs := make(chan *call)                       // the same calls, for the workers
		go func() {
			defer close(jobs)
			defer close(queue)
			for i := range n {
				s := &call{index: i, done: make(chan struct{})}
				select {
				case queue <- s:
				case <-ctx.Done():
					return
				}
				select {
				case jobs <- s:
				case <-ctx.Done():
					s.err = context.Cause(ctx)
					close(s.done)
					return
				}
			}
		}()
		for range min(workers, n) {
			go func() {
				for s := range jobs {
					s.value, s.err = caught.Value(func() (T, error) { return work(s.index) })
					close(s.done)
				}
			}()
		}
		for s := range queue {
			<-s.done
			if ctx.Err() != nil {
				break
			}
			if !yield(s.value, s.err) {
				return
			}
		}
		if err := context.Cause(ctx); err != nil {
			var none T
			yield(none, err)
		}
	}
}

package pretrain

import (
	"context"
	"runtime"

	"clipcalib/internal/engine"
)

// mostMakers bounds how many batches are made at once: each is memory.
const mostMakers = 8

// makersFor is how many batches are made at once. One core augments pictures slower
// than a GPU takes its steps; a processor has its cores for the steps.
func makersFor(e engine.Engine) int {
	if _, ok := e.(engine.OnGPU); ok {
		return min(runtime.GOMAXPROCS(0), mostMakers)
	}
	return 1
}

// prefetch makes the batches ahead of their use, some at once, and gives them in the
// order of their steps. A batch does not depend on who makes it.
func (t *Trainer) prefetch(ctx context.Context) <-chan *batch {
	from, makers, bad := t.step, t.makers, &unreadable{}
	lanes := make([]chan *batch, makers)
	for i := range lanes {
		lanes[i] = make(chan *batch)
		batches := newBatchesWith(t.corpus, t.Recipe, bad)
		batches.strict = t.Strict
		go func() {
			for step := from + i; step < t.Recipe.Steps; step += makers {
				select {
				case lanes[i] <- batches.make(step):
				case <-ctx.Done():
					return
				}
			}
		}()
	}
	out := make(chan *batch)
	go func() {
		defer close(out)
		for step := from; step < t.Recipe.Steps; step++ {
			var b *batch
			select {
			case b = <-lanes[(step-from)%makers]:
			case <-ctx.Done():
				return
			}
			select {
			case out <- b:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

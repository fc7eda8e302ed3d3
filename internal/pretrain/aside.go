package pretrain

import (
	"context"
	"crypto/sha256"
	"fmt"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"clipcalib/internal/pairs"
)

// CheckAside says whether [Trainer.FitScale] has a use for pairs kept aside, before
// anything is trained: they must be classes, readable, and not what is trained on. It
// counts those that are, pixel by pixel at the size that is trained at; more than one
// in a hundred are an error, fewer may be true duplicates.
func CheckAside(ctx context.Context, aside, trained pairs.Pairs) (shared int, err error) {
	if aside.Size() != trained.Size() {
		return 0, fmt.Errorf("pictures are %d pixels wide, those that are trained on %d", aside.Size(), trained.Size())
	}
	if _, _, err := classesOf(aside); err != nil {
		return 0, err
	}
	kept, err := pixels(ctx, aside, true)
	if err != nil {
		return 0, err
	}
	learnt, err := pixels(ctx, trained, false)
	if err != nil {
		return 0, err
	}
	seen := make(map[[sha256.Size]byte]bool, len(learnt))
	for _, d := range learnt {
		seen[d] = true
	}
	for _, d := range kept {
		if seen[d] {
			shared++
		}
	}
	if 100*shared > len(kept) {
		return shared, fmt.Errorf("%d of its %d pictures are among those that are trained on: the scale would be "+
			"fitted to what the model knows; keep other pictures aside", shared, len(kept))
	}
	return shared, nil
}

// pixels hashes pictures. Those that cannot be read are an error if strict, else left
// out.
func pixels(ctx context.Context, p pairs.Pairs, strict bool) ([][sha256.Size]byte, error) {
	sums, read := make([][sha256.Size]byte, p.Len()), make([]bool, p.Len())
	g, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range runtime.GOMAXPROCS(0) {
		g.Go(func() error {
			rgb := make([]byte, 3*p.Size()*p.Size())
			for i := int(next.Add(1)) - 1; i < p.Len(); i = int(next.Add(1)) - 1 {
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := p.Image(i, rgb); err != nil {
					if strict {
						return err
					}
					continue
				}
				sums[i], read[i] = sha256.Sum256(rgb), true
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	out := sums[:0]
	for i, ok := range read {
		if ok {
			out = append(out, sums[i])
		}
	}
	return out, nil
}

package cli

import (
	"context"
	"fmt"
	"runtime"

	"clipcalib/internal/dataset"

	"golang.org/x/sync/errgroup"
)

// readable is a set without the pictures that cannot be read, which are named.
// It is for work so slow on a picture that a first look at all costs nothing
// beside it, and whose results must not depend on where it was interrupted.
func (a *app) readable(ctx context.Context, set *dataset.Set) (*dataset.Set, error) {
	bad := make([]error, len(set.Items))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range set.Items {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			_, bad[i] = set.Items[i].Image()
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	out := *set
	out.Items = nil
	for i, it := range set.Items {
		if bad[i] == nil {
			out.Items = append(out.Items, it)
			continue
		}
		fmt.Fprintf(a.err, "skipped: %v\n", bad[i])
	}
	if len(out.Items) == 0 {
		return nil, fmt.Errorf("data set %s: none of its %d pictures could be read", set.Name, len(set.Items))
	}
	if skipped := len(set.Items) - len(out.Items); skipped > 0 {
		a.note("%s: %d of %d pictures could not be read and are left out", set.Name, skipped, len(set.Items))
	}
	return &out, nil
}

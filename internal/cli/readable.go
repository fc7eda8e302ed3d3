package cli

import (
	"context"
	"fmt"
	"runtime"

	"clipcalib/internal/data"

	"golang.org/x/sync/errgroup"
)

// readableSet is what readable has found of a set.
type readableSet struct {
	set  *data.Set
	left []data.LeftOut
}

// readable is a set without the pictures that cannot be read, which are named,
// and an entry for each of those.
// It is for work so slow on a picture that a first look at all costs nothing
// beside it, and whose results must not depend on where it was interrupted.
func (a *app) readable(ctx context.Context, set *data.Set) (*data.Set, []data.LeftOut, error) {
	if r, ok := a.seen.readable[set]; ok {
		return r.set, r.left, nil
	}
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
		return nil, nil, err
	}
	out := set.With(nil)
	var left []data.LeftOut
	named := map[string]bool{}
	for i, it := range set.Items {
		if bad[i] == nil {
			out.Items = append(out.Items, it)
			continue
		}
		if data.LackOfMeans(bad[i]) {
			return nil, nil, bad[i]
		}
		left = append(left, set.Unreadable(i, bad[i]))
		if !named[it.Path] {
			named[it.Path] = true
			fmt.Fprintf(a.err, "skipped: %v\n", bad[i])
		}
	}
	if len(out.Items) == 0 {
		return nil, nil, fmt.Errorf("data set %s: none of its %d pictures could be read", set.Name, len(set.Items))
	}
	a.seen.readable[set] = readableSet{out, left}
	return out, left, nil
}

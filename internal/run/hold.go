package run

import (
	"context"
	"errors"
	"os"

	"clipcalib/internal/atomicfile"
	"clipcalib/internal/lockfile"
)

// hold makes the folder of a run or of an evaluation this process's until
// release, so that two that work on one folder do so one after the other, and
// the second finds what the first has done. It removes what killed processes
// left there. log, unless nil, is told when there is somebody to wait for.
// A folder that is still empty at the end is removed.
func hold(ctx context.Context, dir string, log func(line string)) (release func(), _ error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	unlock, err := lockfile.Hold(ctx, dir, func() {
		if log != nil {
			log("waiting for another process at work on " + dir)
		}
	})
	if errors.Is(err, os.ErrNotExist) { // the other had nothing to keep
		return hold(ctx, dir, log)
	}
	if err != nil {
		return nil, err
	}
	atomicfile.Sweep(dir)
	return func() {
		unlock()
		os.Remove(dir)
	}, nil
}

// holdTarget is hold of the folder that dir names, which may become another
// while it waits.
func holdTarget(ctx context.Context, dir func() string, log func(line string)) (held string, release func(), err error) {
	for {
		held = dir()
		if release, err = hold(ctx, held, log); err != nil {
			return held, nil, err
		}
		if dir() == held {
			return held, release, nil
		}
		release()
	}
}

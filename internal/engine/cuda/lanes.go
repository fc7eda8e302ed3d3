package cuda

import (
	"runtime"

	"clipcalib/internal/engine/cpu/parallel"
)

// laneBytes is the most that a lane carries at once: 400 pictures of 224 x 224
// bytes.
const laneBytes = 64 << 20

// laneStep is what the memory of a lane grows by.
const laneStep = 1 << 20

// lanes carry large uploads, such as batches of pictures, beside the device's
// work: from pinned memory by the stream Copies to memory of their own on the
// device, and from there, once earlier work is done, by a copy within the
// device, which takes a hundredth of the time. While one lane is under way the
// other is filled.
type lanes struct {
	d     Driver
	pool  *pool
	most  int // bytes carried at once
	lanes [2]lane
	next  int
}

type lane struct {
	host   []byte
	device Ptr   // as large as host; 0 where there was no room
	filled Event // host was copied
	taken  Event // what came to device was copied on
	used   bool
}

// write queues the copy of n bytes, which fill writes part by part.
func (l *lanes) write(to Ptr, size int, fill filler) error {
	for at := 0; at < size; {
		n := min(size-at, l.most)
		lane := &l.lanes[l.next]
		l.next = 1 - l.next
		if err := l.prepare(lane, n); err != nil {
			return err
		}
		if err := fill(lane.host[:n], at); err != nil {
			return err
		}
		if err := l.carry(lane, to+Ptr(at), n); err != nil {
			return err
		}
		at += n
	}
	return nil
}

// prepare makes sure that a lane has room for n bytes, and that what it carried
// last has left its host memory.
func (l *lanes) prepare(lane *lane, n int) (err error) {
	if lane.filled == nil {
		if lane.filled, err = l.d.NewEvent(); err != nil {
			return err
		}
		if lane.taken, err = l.d.NewEvent(); err != nil {
			return err
		}
	}
	if lane.used {
		if err := lane.filled.Wait(); err != nil {
			return err
		}
	}
	if len(lane.host) < n {
		size := (n + laneStep - 1) / laneStep * laneStep
		if err := l.drop(lane); err != nil {
			return err
		}
		if lane.host, err = l.d.AllocPinned(size); err != nil {
			return err
		}
	}
	if lane.device == 0 {
		if lane.device, err = l.pool.getIfFree(int64(len(lane.host))); err == nil && lane.device != 0 {
			err = lane.taken.Set(Main) // what the memory was for before is done
		}
	}
	return err
}

// carry queues the copy of the first n bytes of a lane.
func (l *lanes) carry(lane *lane, to Ptr, n int) error {
	lane.used = true
	if lane.device == 0 {
		return first(l.d.CopyIn(Main, to, lane.host[:n]), lane.filled.Set(Main))
	}
	return first(
		lane.taken.Hold(Copies),
		l.d.CopyIn(Copies, lane.device, lane.host[:n]),
		lane.filled.Set(Copies),
		lane.filled.Hold(Main),
		l.d.Copy(to, lane.device, int64(n)),
		lane.taken.Set(Main),
	)
}

// drop gives a lane's memory back.
func (l *lanes) drop(lane *lane) error {
	err := l.giveBack(lane)
	if lane.host != nil {
		err = first(err, l.d.FreePinned(lane.host))
		lane.host = nil
	}
	return err
}

// giveBack gives a lane's device memory back to the pool. What is still to be
// copied from it is queued in Main, as is all that the pool's memory is used
// for.
func (l *lanes) giveBack(lane *lane) error {
	if lane.device == 0 {
		return nil
	}
	err := l.pool.put(lane.device)
	lane.device = 0
	return err
}

// size is the device memory of all lanes.
func (l *lanes) size() (n int64) {
	for _, lane := range l.lanes {
		if lane.device != 0 {
			n += sizeClass(int64(len(lane.host)))
		}
	}
	return n
}

// release gives the device memory of all lanes back to the pool, which needs it.
func (l *lanes) release() error {
	return first(l.giveBack(&l.lanes[0]), l.giveBack(&l.lanes[1]))
}

func (l *lanes) close() error {
	var err error
	for i := range l.lanes {
		lane := &l.lanes[i]
		err = first(err, l.drop(lane))
		for _, e := range []Event{lane.filled, lane.taken} {
			if e != nil {
				err = first(err, e.Close())
			}
		}
	}
	return err
}

// copyAll copies on several goroutines: one alone is slower than the device's
// bus.
func copyAll(to, from []byte) {
	parallel.For(min(8, runtime.GOMAXPROCS(0)), len(from), 1<<20, func(_, lo, hi int) { copy(to[lo:hi], from[lo:hi]) })
}

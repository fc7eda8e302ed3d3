//go:build linux

package cuda

import "errors"

// item is queued work, or the wait of a stream for a mark in the other.
type item struct {
	work  func()
	needs *mark
}

// mark is a place in a stream that was come to or not.
type mark struct{ come bool }

func (f *fake) do(work func()) error { return f.doIn(Main, item{work: work}) }

func (f *fake) doIn(s Stream, i item) error {
	f.count(1)
	switch {
	case f.failing != nil:
		return f.failing
	case f.noting != nil:
		*f.noting = append(*f.noting, i.work)
	default:
		f.queues[s] = append(f.queues[s], i)
	}
	return nil
}

// step does the next work of a stream, if it may be done.
func (f *fake) step(s Stream) bool {
	q := f.queues[s]
	if len(q) == 0 || q[0].needs != nil && !q[0].needs.come {
		return false
	}
	f.queues[s] = q[1:]
	if q[0].work != nil {
		q[0].work()
	}
	return true
}

// until does queued work till enough says so or none is left. Which stream is
// ahead of the other shows what one of them failed to wait for.
func (f *fake) until(enough func() bool) error {
	ahead, behind := Main, Copies
	if f.eager {
		ahead, behind = Copies, Main
	}
	for !enough() && len(f.queues[0])+len(f.queues[1]) > 0 {
		if !f.step(ahead) && !f.step(behind) {
			return errors.New("the streams wait for one another")
		}
	}
	return nil
}

// count lets the alarm come nearer.
func (f *fake) count(n int) {
	if f.alarm > 0 && f.alarm <= n {
		f.ring()
	}
	f.alarm -= n
}

type fakeEvent struct {
	f    *fake
	mark *mark
}

func (f *fake) NewEvent() (Event, error) { return &fakeEvent{f: f, mark: &mark{come: true}}, nil }

func (e *fakeEvent) Set(s Stream) error {
	m := &mark{}
	e.mark = m
	return e.f.doIn(s, item{work: func() { m.come = true }})
}

func (e *fakeEvent) Hold(s Stream) error { return e.f.doIn(s, item{needs: e.mark}) }

func (e *fakeEvent) Wait() error {
	m := e.mark
	return e.f.wait(func() bool { return m.come })
}

func (e *fakeEvent) Close() error { return nil }

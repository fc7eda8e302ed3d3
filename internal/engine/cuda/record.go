package cuda

import (
	"errors"

	"clipcalib/internal/engine"
)

var _ engine.Recorder = (*Engine)(nil)

var errRecording = errors.New("nothing can be read from or written to the host while work is being recorded")

// recording is work recorded once, to be queued again as a whole: a CUDA graph.
// It uses the tensors it was recorded with, as they are at the time it runs.
type recording struct {
	e      *Engine
	replay Replay
	holds  []Ptr           // scratch that the recorded work uses
	free   map[int64][]Ptr // of which free for what is recorded next
}

// Record notes the work that run queues, without doing it. What run asks for
// must have run once before, so that nothing is prepared on the way; it must
// not upload, download or wait.
func (e *Engine) Record(run func() error) (engine.Recording, error) {
	if e.recording != nil {
		return nil, errRecording
	}
	r, err := e.record(run)
	e.noteRecording(err)
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (e *Engine) record(run func() error) (*recording, error) {
	if err := e.d.Record(); err != nil {
		return nil, err
	}
	r := &recording{e: e, free: map[int64][]Ptr{}}
	e.recording = r
	err := run()
	e.recording = nil
	replay, end := e.d.Recorded()
	if r.replay = replay; err == nil {
		err = end
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// scratch is the engine's scratch while r is recorded. Recorded work runs in
// order whenever it runs, so what one piece of it gave back the next may use;
// nothing else may.
func (r *recording) scratch(n int64) (Ptr, func(), error) {
	size := sizeClass(n)
	back := func(p Ptr) func() { return func() { r.free[size] = append(r.free[size], p) } }
	if list := r.free[size]; len(list) > 0 {
		p := list[len(list)-1]
		r.free[size] = list[:len(list)-1]
		return p, back(p), nil
	}
	p, err := r.e.pool.get(n)
	if err != nil {
		return 0, nil, err
	}
	r.holds = append(r.holds, p)
	return p, back(p), nil
}

// Run queues the recorded work.
func (r *recording) Run() error { return r.replay.Run() }

// Close gives back what the recording holds.
func (r *recording) Close() error {
	var err error
	if r.replay != nil {
		err = r.replay.Close()
		r.replay = nil
	}
	for _, p := range r.holds {
		r.e.drop(p)
	}
	r.holds = nil
	return err
}

package cuda

import "errors"

var errRecording = errors.New("nothing can be read from or written to the host while work is being recorded")

// Recording is work recorded once, to be queued again as a whole: a CUDA graph.
// It uses the tensors it was recorded with, as they are at the time it runs.
type Recording struct {
	e      *Engine
	replay Replay
	holds  []Ptr // memory that the recorded work writes to
}

// Record notes the work that run queues, without doing it. What run asks for
// must have run once before, so that nothing is prepared on the way; it must
// not upload, download or wait.
func (e *Engine) Record(run func() error) (*Recording, error) {
	if e.recording != nil {
		return nil, errRecording
	}
	if err := e.d.Record(); err != nil {
		return nil, err
	}
	r := &Recording{e: e}
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

// Run queues the recorded work.
func (r *Recording) Run() error { return r.replay.Run() }

// Close gives back what the recording holds.
func (r *Recording) Close() error {
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

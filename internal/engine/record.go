package engine

// Recorder is an engine that can note work once and queue it again as a whole,
// which costs the host one call in place of one a kernel.
type Recorder interface {
	// Record notes what run asks of the engine, without doing it. It must have
	// run once before in the ordinary way, and neither transfers nor waits.
	Record(run func() error) (Recording, error)
}

// Recording is noted work. It reads and writes the tensors it was noted with.
type Recording interface {
	// Run queues the work.
	Run() error
	// Close gives back what the recording holds.
	Close() error
}

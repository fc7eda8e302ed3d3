package graph

import "clipcalib/internal/engine"

// Fetch is Float32 in two steps: it queues the reading of an output and returns,
// and wait, which must be called once, returns the values. On an engine that
// can read back while it works, the program may run again in between.
func (p *Program) Fetch(n *Node) (wait func() ([]float32, error), err error) {
	t, err := p.Value(n)
	if err != nil {
		return nil, err
	}
	e := p.g.Engine
	out := make([]float32, t.Shape().TotalSize())
	if f, ok := e.(engine.Fetcher); ok {
		copied, err := f.Fetch(t)
		if err != nil {
			return nil, err
		}
		return func() ([]float32, error) { return out, copied(out) }, nil
	}
	if err := e.Download(out, t); err != nil {
		return nil, err
	}
	return func() ([]float32, error) { return out, nil }, nil
}

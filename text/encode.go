package text

import (
	"context"
	"errors"
	"fmt"

	"clipcalib/internal/device"
	"clipcalib/internal/engine"
)

// EncodeTokens is Encode for prompts that are tokens already, each from SOT to
// EOT, or padded behind that.
func (e *Encoder) EncodeTokens(ctx context.Context, prompts [][]int32) ([][]float32, error) {
	cut := make([][]int32, len(prompts))
	for i, p := range prompts {
		n, err := promptLen(p)
		if err == nil {
			err = e.fits(p[:n])
		}
		if err != nil {
			return nil, fmt.Errorf("prompt %d: %w", i, err)
		}
		cut[i] = p[:n]
	}
	out := make([][]float32, len(prompts))
	if err := e.encode(ctx, cut, out); err != nil {
		return nil, fmt.Errorf("encode texts: %w", err)
	}
	return out, nil
}

// encode writes the features of the prompts to out, chunk after chunk. The
// features of a chunk are read when the next one has been queued, so that the
// device works while the host builds tries. Where memory does not suffice, the
// rest is cut into smaller chunks.
func (e *Encoder) encode(ctx context.Context, prompts [][]int32, out [][]float32) error {
	var last *job
	defer func() { last.drop(e) }()
	again := false
	for todo := chunks(prompts, int(e.nodes.Load())); len(todo) > 0; {
		trie, err := trieOf(prompts, todo[0])
		if err != nil {
			return err
		}
		wait, err := e.start(ctx, trie)
		var oom *engine.OutOfMemory
		if errors.As(err, &oom) && (!again || len(todo[0]) > 1) {
			if err := e.makeRoom(ctx, oom, trie, again); err != nil {
				return err
			}
			if again {
				todo = e.cutAgain(prompts, todo)
			}
			again = true
			continue
		}
		if err != nil {
			return engine.NameFit(err, engine.TrieNodes, trie.Len())
		}
		now := &job{chunk: todo[0], wait: wait}
		if err := e.take(ctx, last, out); err != nil {
			now.drop(e)
			return err
		}
		last = now
		todo, again = todo[1:], false
	}
	return e.take(ctx, last, out)
}

// job is a chunk of prompts on its way through the tower.
type job struct {
	chunk []int
	wait  func() ([]float32, error) // nil once called
}

// drop forgets a job without waiting for the device.
func (j *job) drop(e *Encoder) {
	if j != nil && j.wait != nil {
		device.Later(e.device, func() { _, _ = j.wait() })
	}
}

// makeRoom frees the memory of compiled programs and, the second time, has
// tries cut into smaller chunks.
func (e *Encoder) makeRoom(ctx context.Context, oom *engine.OutOfMemory, trie *Trie, again bool) error {
	return device.Do(ctx, e.device, func(engine.Engine) error {
		e.programs.Close()
		if again {
			e.nodes.Store(int64(oom.Smaller(min(int(e.nodes.Load()), trie.Len()))))
		}
		return nil
	})
}

// cutAgain cuts what is left to do by the present number of nodes.
func (e *Encoder) cutAgain(prompts [][]int32, todo [][]int) [][]int {
	var left []int
	for _, chunk := range todo {
		left = append(left, chunk...)
	}
	rest := make([][]int32, len(left))
	for i, at := range left {
		rest[i] = prompts[at]
	}
	out := chunks(rest, int(e.nodes.Load()))
	for _, chunk := range out {
		for i, at := range chunk {
			chunk[i] = left[at]
		}
	}
	return out
}

// trieOf is the trie of the prompts that chunk lists.
func trieOf(prompts [][]int32, chunk []int) (*Trie, error) {
	part := make([][]int32, len(chunk))
	for i, at := range chunk {
		part[i] = prompts[at]
	}
	return NewTrie(part)
}

// start queues a trie.
func (e *Encoder) start(ctx context.Context, trie *Trie) (wait func() ([]float32, error), err error) {
	release, err := device.Hold(ctx, e.device)
	if err != nil {
		return nil, err
	}
	defer release()
	if e.weights == nil {
		return nil, errors.New("the encoder is closed")
	}
	size := [2]int{bucket(trie.Len()), bucket(trie.NumPrompts())}
	p, err := e.programs.Get(size, func() (*program, error) { return e.compile(size[0], size[1]) })
	if err != nil {
		return nil, err
	}
	if err := p.in.Set(p.g, trie.nodes(), nil); err != nil {
		return nil, err
	}
	if err := p.Run(ctx); err != nil {
		return nil, err
	}
	return p.Fetch(p.features)
}

// take writes the features of a job, unless it is nil, to the places of its
// prompts.
func (e *Encoder) take(ctx context.Context, j *job, out [][]float32) error {
	if j == nil {
		return nil
	}
	var features []float32
	err := device.Do(ctx, e.device, func(engine.Engine) (err error) {
		wait := j.wait
		j.wait = nil
		features, err = wait()
		return err
	})
	if err != nil {
		return err
	}
	for i, at := range j.chunk {
		out[at] = features[i*e.Dim() : (i+1)*e.Dim() : (i+1)*e.Dim()]
	}
	return nil
}

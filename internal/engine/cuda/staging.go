package cuda

// Small uploads, such as a batch's labels or a token trie, pass through a ring
// of pinned memory on the main stream. It is cut into segments, so that the
// host waits for the device only when it is a whole ring ahead.
const (
	segmentBytes = 1 << 20
	segments     = 8
	ringAlign    = 256 // of a copy's start
)

// staging is what uploads pass through.
type staging struct {
	d       Driver
	ring    []byte
	at      int // where the next small upload goes
	events  [segments]Event
	pending [segments]bool
	lanes   lanes
}

func newStaging(d Driver, p *pool) (*staging, error) {
	s := &staging{d: d, lanes: lanes{d: d, pool: p, most: laneBytes}}
	var err error
	if s.ring, err = d.AllocPinned(segments * segmentBytes); err != nil {
		return nil, err
	}
	for i := range s.events {
		if s.events[i], err = d.NewEvent(); err != nil {
			s.close()
			return nil, err
		}
	}
	p.spare = &s.lanes
	return s, nil
}

// filler writes what an upload has from byte at on.
type filler func(to []byte, at int) error

// upload queues the copy of b, which may change when it returns.
func (s *staging) upload(to Ptr, b []byte) error {
	return s.write(to, len(b), func(to []byte, at int) error {
		copyAll(to, b[at:at+len(to)])
		return nil
	})
}

// write queues the copy of so many bytes, which fill writes to pinned memory,
// in parts of whole words.
func (s *staging) write(to Ptr, size int, fill filler) error {
	if size > segmentBytes {
		return s.lanes.write(to, size, fill)
	}
	for at := 0; at < size; {
		n, err := s.part(to+Ptr(at), size-at, func(b []byte) error { return fill(b, at) })
		if err != nil {
			return err
		}
		at += n
	}
	return nil
}

// part queues as much of so many bytes as the present segment has room for.
func (s *staging) part(to Ptr, size int, fill func([]byte) error) (n int, err error) {
	i := s.at / segmentBytes
	if s.at%segmentBytes == 0 && s.pending[i] {
		if err := s.events[i].Wait(); err != nil {
			return 0, err
		}
		s.pending[i] = false
	}
	room := s.ring[s.at : (i+1)*segmentBytes]
	n = min(size, len(room))
	if err := fill(room[:n]); err != nil {
		return 0, err
	}
	if err := s.d.CopyIn(Main, to, room[:n]); err != nil {
		return 0, err
	}
	s.at += (n + ringAlign - 1) / ringAlign * ringAlign
	if s.at == (i+1)*segmentBytes {
		if err := s.events[i].Set(Main); err != nil {
			return 0, err
		}
		s.pending[i] = true
		s.at %= len(s.ring)
	}
	return n, nil
}

func (s *staging) close() error {
	err := s.lanes.close()
	for _, e := range s.events {
		if e != nil {
			err = first(err, e.Close())
		}
	}
	if s.ring != nil {
		err = first(err, s.d.FreePinned(s.ring))
	}
	*s = staging{d: s.d}
	return err
}

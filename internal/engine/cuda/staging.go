package cuda

// stagingBytes is the size of each of the staging buffers.
const stagingBytes = 8 << 20

// staging is pinned host memory through which uploads pass: while the device
// copies from one buffer the caller fills the other.
type staging struct {
	d       Driver
	buffers [2][]byte
	events  [2]Event
	pending [2]bool
	next    int
}

func newStaging(d Driver) (*staging, error) {
	s := &staging{d: d}
	for i := range s.buffers {
		var err error
		if s.buffers[i], err = d.AllocPinned(stagingBytes); err == nil {
			s.events[i], err = d.NewEvent()
		}
		if err != nil {
			s.close()
			return nil, err
		}
	}
	return s, nil
}

// upload queues the copy of b. It waits only for a buffer that the device has
// not yet read.
func (s *staging) upload(to Ptr, b []byte) error {
	for len(b) > 0 {
		i := s.next
		s.next = 1 - i
		if s.pending[i] {
			if err := s.events[i].Wait(); err != nil {
				return err
			}
			s.pending[i] = false
		}
		n := copy(s.buffers[i], b)
		if err := s.d.CopyIn(to, s.buffers[i][:n]); err != nil {
			return err
		}
		if err := s.events[i].Set(); err != nil {
			return err
		}
		s.pending[i] = true
		b = b[n:]
		to += Ptr(n)
	}
	return nil
}

func (s *staging) close() error {
	var err error
	keep := func(e error) {
		if err == nil {
			err = e
		}
	}
	for i := range s.buffers {
		if s.events[i] != nil {
			keep(s.events[i].Close())
		}
		if s.buffers[i] != nil {
			keep(s.d.FreePinned(s.buffers[i]))
		}
	}
	*s = staging{d: s.d}
	return err
}

package jpeg

// restarter counts coding units and resynchronises at restart markers.
type restarter struct {
	d        *decoder
	s        *scanState
	left     int  // units until the next marker
	expected byte // its number, 0 to 7
}

// next prepares for one coding unit, which lies in the given row of them.
func (r *restarter) next(row int) error {
	if r.s.ended {
		return ErrTruncated
	}
	if r.d.buffered && !r.s.insufficient {
		r.d.lastGood = row
	}
	if r.d.restart == 0 {
		return nil
	}
	if r.left == 0 {
		if err := r.resync(); err != nil {
			return err
		}
		r.left = r.d.restart
	}
	r.left--
	return nil
}

func (r *restarter) finish() error {
	if r.s.ended {
		return ErrTruncated
	}
	return nil
}

// resync moves past the expected restart marker, deciding as libjpeg's
// jpeg_resync_to_restart does where another marker is found. A marker that is
// left unread makes an empty interval of what follows.
func (r *restarter) resync() error {
	s, want := r.s, r.expected
	s.acc, s.n = 0, 0
	r.expected = (want + 1) & 7
	s.eobRun = 0
	for _, c := range s.comps {
		c.dcPredict = 0
	}
	if s.marker == 0 {
		if err := r.advance(); err != nil {
			return err
		}
	}
	for {
		ahead := (s.marker - mRST0 - want) & 7
		isRestart := mRST0 <= s.marker && s.marker <= mRST7
		switch {
		case s.marker < mSOF0, isRestart && ahead >= 6: // not a marker at all, or one of the two before
			if err := r.advance(); err != nil {
				return err
			}
		case !isRestart, ahead == 1, ahead == 2:
			return nil
		default:
			s.marker, s.insufficient = 0, false
			return nil
		}
	}
}

// advance finds the next marker.
func (r *restarter) advance() error {
	d := decoder{data: r.s.data, pos: r.s.pos}
	marker, ok := d.nextMarker()
	if !ok {
		return ErrTruncated
	}
	r.s.pos, r.s.marker = d.pos, marker
	return nil
}

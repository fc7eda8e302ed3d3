package jpeg

// restarter counts coding units and resynchronises at restart markers.
type restarter struct {
	d        *decoder
	s        *scanState
	left     int  // units until the next marker
	expected byte // its number, 0 to 7
	missing  bool // the data of this interval ran out: units stay as they are
}

func (d *decoder) restarter(s *scanState) *restarter {
	r := &restarter{d: d, s: s, left: d.restart}
	r.begin()
	return r
}

// begin resets the predictions, at the start of a scan or interval.
func (r *restarter) begin() {
	r.s.bits.reset()
	r.s.eobRun = 0
	r.missing = false
	for _, c := range r.s.comps {
		c.dcPredict = 0
	}
}

// next prepares for one coding unit.
func (r *restarter) next() error {
	if r.d.restart > 0 {
		if r.left == 0 {
			r.resync()
			r.left = r.d.restart
		}
		r.left--
	}
	return r.finish()
}

// finish notes whether the data so far sufficed: a file that ended is an
// error; a marker too early only leaves the rest of the interval undecoded.
func (r *restarter) finish() error {
	if r.s.bits.exhausted() {
		if r.s.bits.ended {
			return ErrTruncated
		}
		r.missing = true
	}
	return nil
}

// resync moves past the expected restart marker, deciding as libjpeg's
// jpeg_resync_to_restart does where another marker is found.
func (r *restarter) resync() {
	want := r.expected
	r.expected = (r.expected + 1) & 7
	bits := &r.s.bits
	for {
		d := decoder{data: bits.data, pos: bits.pos}
		marker, ok := d.nextMarker()
		if !ok {
			bits.pos = len(bits.data)
			break
		}
		if mRST0 <= marker && marker <= mRST7 {
			number := marker - mRST0
			if number == (want+1)&7 || number == (want+2)&7 {
				bits.pos = d.pos - 2 // a later interval: this one is lost
				break
			}
			bits.pos = d.pos
			if number == (want-1)&7 || number == (want-2)&7 {
				continue // an earlier one: look further
			}
			break
		}
		if marker >= mSOF0 {
			bits.pos = d.pos - 2 // not a restart marker at all: leave it
			break
		}
		bits.pos = d.pos
	}
	r.begin()
}

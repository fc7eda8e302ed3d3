package bench

import "slices"

// shares sets the figures' shares of the peaks that were measured.
func (r *Run) shares() {
	for i := range r.Figures {
		r.Figures[i].shares(r.PeakGFLOPS, r.BandwidthGBS)
	}
	for i := range r.Products {
		p := &r.Products[i]
		if p.Share = 0; p.GFLOPS <= r.PeakGFLOPS {
			p.Share = p.GFLOPS / r.PeakGFLOPS
		}
	}
}

// over reports whether a figure has a share of that name that is left out, or
// of any name where it is "".
func (r *Run) over(name string) bool {
	for _, f := range r.Figures {
		if slices.Contains(f.Over, name) || name == "" && len(f.Over) > 0 {
			return true
		}
	}
	return false
}

func (f *Figure) shares(peak, bandwidth float64) {
	f.Share, f.BandwidthShare, f.RooflineShare, f.Over = 0, 0, 0, nil
	if f.GBS > 0 {
		f.Intensity = f.GFLOPS / f.GBS
	}
	set := func(share *float64, reached, most float64, name string) {
		switch {
		case !(reached > 0 && most > 0):
		case reached > most:
			f.Over = append(f.Over, name)
		default:
			*share = reached / most
		}
	}
	set(&f.Share, f.GFLOPS, peak, "peak")
	set(&f.BandwidthShare, f.GBS, bandwidth, "bandwidth")
	set(&f.RooflineShare, f.GFLOPS, min(peak, f.Intensity*bandwidth), "roofline")
}

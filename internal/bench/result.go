package bench

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"clipcalib/internal/engine"
	"clipcalib/internal/regular"
)

// Schema is the version of a result's JSON. Later programs read earlier
// versions; 1 is what results before there was a version are.
const Schema = 2

// Result is everything measured on one machine.
type Result struct {
	Schema   int         `json:"schema"`
	Version  string      `json:"version"`            // of the program
	Revision string      `json:"revision,omitempty"` // of its source, "+changed" behind one with changes
	Go       string      `json:"go"`                 // of the compiler, with system and processor
	At       string      `json:"at,omitempty"`       // when measuring began, RFC 3339
	Host     *Host       `json:"host,omitempty"`
	Card     *engine.GPU `json:"card,omitempty"`   // the GPU, if one computed
	Driver   string      `json:"driver,omitempty"` // release of NVIDIA's driver, where the system tells
	Settings *Settings   `json:"settings,omitempty"`
	Runs     []Run       `json:"runs"`
}

// Settings are what a figure depends on beside the machine.
type Settings struct {
	Time      float64 `json:"time_s"`        // the most for each figure
	Least     float64 `json:"least_s"`       // the least, unless Time is less
	RelStd    float64 `json:"rel_std"`       // at which measuring stops
	Window    int     `json:"window_groups"` // groups of runs that a figure is of
	Statistic string  `json:"statistic"`     // of the window
	Prompts   int     `json:"prompts"`
	Classes   int     `json:"classes,omitempty"`
	Steps     int     `json:"taskres_steps"`
	Power     bool    `json:"power,omitempty"`   // each figure is measured long enough for its energy
	Threads   int     `json:"threads,omitempty"` // of the processor's engine
	JPEGs     *JPEGs  `json:"jpegs,omitempty"`
}

// Run is everything measured in one precision.
type Run struct {
	Engine    string `json:"engine"`
	Precision string `json:"precision"`
	// PeakGFLOPS and BandwidthGBS are the best that were measured, which shares
	// are of; Peaks and Bandwidths are all that were, before the figures and after.
	PeakGFLOPS   float64   `json:"peak_gflop_s,omitempty"`
	BandwidthGBS float64   `json:"bandwidth_gb_s,omitempty"`
	Peaks        []float64 `json:"peaks_gflop_s,omitempty"`
	Bandwidths   []float64 `json:"bandwidths_gb_s,omitempty"`
	// Kernel is what multiplies on a processor, and its own peak.
	Kernel  *engine.Kernel `json:"kernel,omitempty"`
	Figures []Figure       `json:"figures"`
	// Products are the shapes of matrix products, each measured by itself.
	Products []Product `json:"products,omitempty"`
	// ProductsUntimed is why there are none, where there should be.
	ProductsUntimed string `json:"products_untimed,omitempty"`
	// MLPerf is what an MLPerf-like measurement kept to, and accuracy.
	MLPerf *MLPerfFacts `json:"mlperf_like,omitempty"`
	// NoSensors is why there are no conditions of the hardware, where some could be.
	NoSensors string `json:"no_sensors,omitempty"`
	// FastPath says whether the GPU computed as it is meant to.
	FastPath *engine.FastPath `json:"fast_path,omitempty"`
}

// Figure is one measurement.
type Figure struct {
	What  string  `json:"what"`
	Model string  `json:"model,omitempty"`
	Batch int     `json:"batch,omitempty"`
	Rate  float64 `json:"rate"`            // in Unit, the more the better
	Unit  string  `json:"unit"`            // "images/s" and the like
	Items int     `json:"items,omitempty"` // done in a run: a batch, a step, a training
	Timing
	GFLOPS float64 `json:"gflop_s,omitempty"` // reached
	GBS    float64 `json:"gb_s,omitempty"`    // moved at least, see work
	// Shares are of the measured peak, of the measured bandwidth, and of the
	// roofline: the lower of the peak and what the bandwidth feeds at the figure's
	// intensity. One over 1 says that its peak was not reached when it was
	// measured, or that values came from caches: it is left out, and named in Over.
	Share          float64  `json:"share,omitempty"`
	BandwidthShare float64  `json:"bandwidth_share,omitempty"`
	RooflineShare  float64  `json:"roofline_share,omitempty"`
	Intensity      float64  `json:"flop_per_byte,omitempty"`
	Over           []string `json:"over_the_measured,omitempty"` // "peak", "bandwidth", "roofline"
	Latency        *Latency `json:"latency,omitempty"`           // of single requests
	// Conditions are those of the hardware meanwhile.
	Conditions *Conditions `json:"conditions,omitempty"`
}

// Read reads a result written as JSON.
func Read(path string) (Result, error) {
	var r Result
	b, err := regular.ReadFile(path)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return r, fmt.Errorf("%s is no result of clipcalib bench --json: %w", path, err)
	}
	switch {
	case r.Schema > Schema:
		return r, fmt.Errorf("%s: schema %d is of a later clipcalib, this one reads 1 to %d", path, r.Schema, Schema)
	case r.Schema < 0:
		return r, fmt.Errorf("%s: schema %d is none", path, r.Schema)
	case len(r.Runs) == 0:
		return r, fmt.Errorf("%s is no result of clipcalib bench --json: it has no runs", path)
	}
	r.Schema = max(1, r.Schema)
	for _, run := range r.Runs {
		for _, f := range run.Figures {
			if !(f.Rate > 0) || f.RelStd < 0 {
				return r, fmt.Errorf("%s: %q has a rate of %g and a relative standard deviation of %g", path, f.What,
					f.Rate,
					f.RelStd)
			}
		}
	}
	return r, nil
}

// Machine names what a result was measured on, in one line.
func (r Result) Machine() string {
	on := "the processor"
	if r.Card != nil {
		on = r.Card.Name
		if r.Driver != "" {
			on += ", driver " + r.Driver
		}
	} else if len(r.Runs) > 0 {
		on = r.Runs[0].Engine
	}
	if r.Host != nil {
		on += "; " + r.Host.String()
	}
	return fmt.Sprintf("%s; clipcalib %s, %s", on, r.Version, r.Go)
}

// newResult is a result without measurements.
func newResult() Result {
	r := Result{Schema: Schema, Version: Version(), Revision: revision(),
		Go: runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH}
	h := readHost("/")
	r.Host = &h
	return r
}

// Version is the program's: that of its module, or the revision it was built of.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version, changed := info.Main.Version, ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && (version == "" || version == "(devel)"):
			version = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true" && !strings.Contains(version, "dirty"):
			changed = ", changed"
		}
	}
	return version + changed
}

// revision is the whole name of the source's revision, "" where the build does
// not say.
func revision() string {
	info, _ := debug.ReadBuildInfo()
	if info == nil {
		return ""
	}
	name, changed := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			name = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = "+changed"
		}
	}
	if name == "" {
		return ""
	}
	return name + changed
}

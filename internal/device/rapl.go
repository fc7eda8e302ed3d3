package device

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"clipcalib/internal/engine"
)

// rapl counts the energy of the processor's packages as the kernel's powercap
// tree tells it, from Intel's and AMD's own counters; memory and the rest of the
// machine are not in it.
type rapl struct {
	zones  []raplZone
	clocks []string // files with the clock of a core, in kHz
}

type raplZone struct {
	name  string
	file  string
	most  float64 // joules at which the counter begins anew
	last  float64 // as read
	total float64 // joules since it was opened
}

var _ engine.Sensors = (*rapl)(nil)

// openRAPL opens the counters below root, which is "/".
func openRAPL(root string) (engine.Sensors, error) {
	remedy := "run on a machine with RAPL counters; virtual machines have none"
	r := &rapl{}
	names, _ := filepath.Glob(root + "sys/class/powercap/intel-rapl:*/name")
	slices.Sort(names)
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil || !strings.HasPrefix(string(b), "package") {
			continue // parts of packages, and the whole platform, are in other zones
		}
		z := raplZone{name: strings.TrimSpace(string(b)), file: filepath.Join(filepath.Dir(name), "energy_uj")}
		if z.last, err = microjoules(z.file); err != nil {
			if errors.Is(err, fs.ErrPermission) {
				remedy = "become root, or let the kernel's administrator make that file readable"
			}
			return nil, &engine.Unavailable{Why: "the processor's energy cannot be read: " + err.Error(),
				Remedy: remedy}
		}
		if z.most, err = microjoules(filepath.Join(filepath.Dir(name), "max_energy_range_uj")); err != nil {
			return nil, &engine.Unavailable{Why: "the processor's energy cannot be read: " + err.Error(),
				Remedy: remedy}
		}
		r.zones = append(r.zones, z)
	}
	if len(r.zones) == 0 {
		return nil, &engine.Unavailable{Why: "the processor's energy cannot be read: there is no package in " +
			"/sys/class/powercap", Remedy: remedy, Absent: true}
	}
	r.clocks, _ = filepath.Glob(root + "sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_cur_freq")
	return r, nil
}

func microjoules(file string) (float64, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %q is no number", file, strings.TrimSpace(string(b)))
	}
	return float64(v) / 1e6, nil
}

// Name says what is read.
func (r *rapl) Name() string {
	if len(r.zones) == 1 {
		return "RAPL, 1 package"
	}
	return fmt.Sprintf("RAPL, %d packages", len(r.zones))
}

// Read adds what the packages took since the last time. Counters begin anew
// after minutes, so it must be called more often than that.
func (r *rapl) Read() (engine.Reading, error) {
	out := engine.Reading{Values: map[string]float64{}, Counts: true}
	for i := range r.zones {
		z := &r.zones[i]
		now, err := microjoules(z.file)
		if err != nil {
			return out, err
		}
		took := now - z.last
		if took < 0 {
			took += z.most
		}
		if took < 0 {
			return out, fmt.Errorf("%s went back from %g to %g joules", z.file, z.last, now)
		}
		z.last = now
		z.total += took
		out.Joules += z.total
	}
	var sum float64
	n := 0
	for _, file := range r.clocks {
		if khz, err := microjoules(file); err == nil { // a number, of another unit
			sum += khz * 1e6 / 1e3
			n++
		}
	}
	if n > 0 {
		out.Values["clock_mhz"] = sum / float64(n)
	} else {
		out.Missing = append(out.Missing, "clock_mhz: the kernel does not tell it")
	}
	return out, nil
}

// Close does nothing.
func (r *rapl) Close() error { return nil }

package device

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// powercap writes a tree of two packages, with a part of one that must not be
// counted, and returns what sets a counter.
func powercap(t *testing.T) (root string, set func(file, value string)) {
	root = t.TempDir() + "/"
	set = func(file, value string) {
		path := filepath.Join(root, "sys", file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(value+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for zone, name := range map[string]string{"intel-rapl:0": "package-0", "intel-rapl:1": "package-1",
		"intel-rapl:0:0": "core", "intel-rapl:2": "psys"} {
		set("class/powercap/"+zone+"/name", name)
		set("class/powercap/"+zone+"/energy_uj", "1000000")
		set("class/powercap/"+zone+"/max_energy_range_uj", "5000000")
	}
	set("devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "3000000")
	set("devices/system/cpu/cpu1/cpufreq/scaling_cur_freq", "2000000")
	return root, set
}

// TestRAPLCountsPackages wants the packages alone, and a counter that began anew
// to go on.
func TestRAPLCountsPackages(t *testing.T) {
	root, set := powercap(t)
	s, err := openRAPL(root)
	if err != nil {
		t.Fatal(err)
	}
	if s.Name() != "RAPL, 2 packages" {
		t.Error(s.Name())
	}
	joules := func() float64 {
		r, err := s.Read()
		if err != nil || !r.Counts || math.Abs(r.Values["clock_mhz"]-2500) > 1e-9 {
			t.Fatalf("%v: %+v", err, r)
		}
		return r.Joules
	}
	if got := joules(); got != 0 {
		t.Errorf("%g joules at first", got)
	}
	set("class/powercap/intel-rapl:0/energy_uj", "4500000")
	set("class/powercap/intel-rapl:1/energy_uj", "1250000")
	set("class/powercap/intel-rapl:2/energy_uj", "4000000")
	if got := joules(); math.Abs(got-3.75) > 1e-9 {
		t.Errorf("%g joules, want 3.75", got)
	}
	set("class/powercap/intel-rapl:0/energy_uj", "500000") // 0.5 to the end, and 0.5
	if got := joules(); math.Abs(got-4.75) > 1e-9 {
		t.Errorf("%g joules, want 4.75", got)
	}
	set("class/powercap/intel-rapl:1/energy_uj", "none")
	if _, err := s.Read(); err == nil || !strings.Contains(err.Error(), `"none" is no number`) {
		t.Error(err)
	}
}

func TestRAPLSaysWhatIsMissing(t *testing.T) {
	if _, err := openRAPL(t.TempDir() + "/"); err == nil || !strings.Contains(err.Error(), "no package") {
		t.Error(err)
	}
	root, _ := powercap(t)
	if err := os.Remove(filepath.Join(root, "sys/class/powercap/intel-rapl:0/energy_uj")); err != nil {
		t.Fatal(err)
	}
	if _, err := openRAPL(root); err == nil || !strings.Contains(err.Error(), "intel-rapl:0/energy_uj") {
		t.Error(err)
	}
}

//go:build gpu

package nvml

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestEmulatedSensors reads the emulated library, each time in a process of its
// own, since the library starts once.
func TestEmulatedSensors(t *testing.T) {
	if os.Getenv("EMULATOR_CHILD") != "" {
		s, err := Open(os.Getenv("EMULATOR_PCI"))
		if err != nil {
			fmt.Printf("result: %v\n", err)
			return
		}
		first, err := s.Read()
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
		r, err := s.Read()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("result: %s %v throttled %v missing %v energy %v %v\n", s.Name(), r.Values, r.Throttled, r.Missing,
			r.Counts, r.Joules-first.Joules > 25 && r.Joules-first.Joules < 300)
		return
	}
	if s, err := Open("00000000:01:00.0"); err != nil {
		if os.Getenv("CLIPCALIB_GPU") == "required" {
			t.Fatal(err)
		}
		t.Skip(err)
	} else if !strings.Contains(s.Name(), "emulated") {
		t.Skip("for the emulated library alone")
	}
	for setting, want := range map[string]string{
		"EMULATOR_NOTHING=1": "NVML, driver 580.0.emulated map[memory_clock_mhz:2619 power_limit_w:700 power_w:300 " +
			"sm_clock_mhz:1980 temperature_c:55 utilisation_percent:97] throttled [] missing [] energy true true",
		"EMULATOR_THROTTLE=36":             "throttled [power cap temperature, by software]",
		"EMULATOR_NO_ENERGY=1":             "missing [energy: Not Supported] energy false",
		"EMULATOR_NVML=9":                  "NVML does not start: Driver Not Loaded",
		"EMULATOR_PCI=00000000:01:00.1":    "NVML knows no GPU at 00000000:01:00.1: Not Found",
		"LD_LIBRARY_PATH=/nowhere/at/all/": "NVML is not here",
	} {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestEmulatedSensors$")
		cmd.Env = append(os.Environ(), "EMULATOR_CHILD=1", "EMULATOR_PCI=00000000:01:00.0", setting)
		out, err := cmd.CombinedOutput()
		line, _, _ := strings.Cut(string(out), "\n")
		if err != nil || !strings.HasPrefix(line, "result: ") || !strings.Contains(line, want) {
			t.Errorf("%s: %v, %s; want %q", setting, err, out, want)
		}
	}
}

// TestReasonsAreOfOneBitEach wants no reason twice, and idling to be none.
func TestReasonsAreOfOneBitEach(t *testing.T) {
	var bits []uint64
	for _, r := range reasons {
		if r.bit&(r.bit-1) != 0 || r.bit <= 1 || slices.Contains(bits, r.bit) {
			t.Errorf("%s is bit %#x", r.name, r.bit)
		}
		bits = append(bits, r.bit)
	}
}

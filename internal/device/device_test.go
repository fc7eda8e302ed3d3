package device

import (
	"strings"
	"testing"
)

func TestOpenSaysWhatRuns(t *testing.T) {
	for device, want := range map[string]string{"": "cpu", "CPU": "cpu", "cpu-go": "cpu"} {
		e, err := Open(Options{Kind: device, Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(e.Name(), want) || !strings.Contains(e.Name(), "1 thread") {
			t.Errorf("device %q: %s", device, e.Name())
		}
		e.Close()
	}
}

func TestOpenNamesWhatItCannotDo(t *testing.T) {
	for want, o := range map[string]Options{
		`"tpu"`:      {Kind: "tpu"},
		`"fp8"`:      {Precision: "fp8"},
		"-2 threads": {Threads: -2},
		"for GPUs":   {Memory: 1 << 30},
		"-1 bytes":   {Memory: -1},
	} {
		if _, err := Open(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v does not name %s", o, err, want)
		}
	}
}

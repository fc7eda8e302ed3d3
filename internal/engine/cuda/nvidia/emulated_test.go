//go:build gpu

package nvidia_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"clipcalib/internal/engine/cuda/nvidia"
)

// TestEmulatedFaults opens an emulated device that is broken in one way or
// another, in a process of its own, since a driver starts once. It runs where
// make cuda-emulated put the libraries.
func TestEmulatedFaults(t *testing.T) {
	if os.Getenv("EMULATOR_CHILD") != "" {
		d, err := nvidia.Open()
		if err == nil {
			err = d.Close()
		}
		fmt.Printf("result: %v\n", err)
		return
	}
	if d, err := nvidia.Open(); err != nil {
		t.Skip(err)
	} else if d.Info().Name != "Emulated GPU" {
		d.Close()
		t.Skip("for the emulated device alone")
	} else if err := d.Close(); err != nil {
		t.Error(err)
	}
	for setting, want := range map[string]string{
		"EMULATOR_INIT=100":       "sees no GPU",
		"EMULATOR_INIT=803":       "restart the machine",
		"EMULATOR_INIT=77":        "CUDA error 77",
		"EMULATOR_VERSION=12000":  "CUDA 12.0 at most, 12.3 is needed",
		"EMULATOR_RETAIN=46":      "taken by another process",
		"EMULATOR_RETAIN=2":       "out of GPU memory",
		"EMULATOR_MEMORY=1000000": "out of GPU memory",
		"LD_LIBRARY_PATH=":        "no NVIDIA driver on this machine",
		"EMULATOR_MEMORY=1000001": "out of GPU memory", // and again: nothing was left behind
		"EMULATOR_NOTHING=1":      "result: <nil>",
		"EMULATOR_CUBIN=209":      "result: <nil>", // then PTX is loaded
		"EMULATOR_CAPABILITY=75":  "result: <nil>",
		"EMULATOR_CAPABILITY=89":  "result: <nil>",
		"EMULATOR_CAPABILITY=120": "result: <nil>",
		"EMULATOR_CAPABILITY=70":  "compute capability 7.0",
	} {
		cmd := exec.Command(os.Args[0], "-test.run", "TestEmulatedFaults")
		cmd.Env = append(os.Environ(), "EMULATOR_CHILD=1", setting)
		out, err := cmd.CombinedOutput()
		line, _, _ := strings.Cut(string(out), "\n")
		if err != nil || !strings.Contains(line, want) || !strings.HasPrefix(line, "result: ") {
			t.Errorf("%s: %v, %s; want one line with %q", setting, err, out, want)
		}
	}
}

// TestEmulatedIndex asks for a GPU that is not there, and for another than the
// one that is open.
func TestEmulatedIndex(t *testing.T) {
	d, err := nvidia.Open()
	if err != nil {
		t.Skip(err)
	}
	if d.Info().Name != "Emulated GPU" {
		d.Close()
		t.Skip("for the emulated device alone")
	}
	if _, err := nvidia.OpenIndex(1); err == nil || !strings.Contains(err.Error(), "GPU 0 is open") {
		t.Errorf("another GPU beside the one that is open: %v", err)
	}
	again, err := nvidia.OpenIndex(0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []interface{ Close() error }{d, again} {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := nvidia.OpenIndex(7); err == nil || !strings.Contains(err.Error(), "no GPU 7 among the 1") {
		t.Errorf("a GPU that is not there: %v", err)
	}
	if d, err = nvidia.Open(); err != nil {
		t.Fatalf("after both were closed: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

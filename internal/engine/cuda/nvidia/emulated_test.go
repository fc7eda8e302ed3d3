//go:build gpu

package nvidia_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clipcalib/internal/engine"
	"clipcalib/internal/engine/cuda"
	"clipcalib/internal/engine/cuda/nvidia"

	"golang.org/x/sync/errgroup"
	"gorgonia.org/tensor"
)

// TestEmulatedDriverStartsOnDemand looks at what a process does with the driver:
// nothing unless a GPU is asked for, and the context is made once.
func TestEmulatedDriverStartsOnDemand(t *testing.T) {
	if d, err := nvidia.Open(); err != nil {
		t.Skip(err)
	} else if d.Info().Name != "Emulated GPU" {
		d.Close()
		t.Skip("for the emulated device alone")
	} else if err := d.Close(); err != nil {
		t.Error(err)
	}
	for child, want := range map[string]string{"TestNothing": "", "TestEmulatedFaults": "load\ninit\nretain\n"} {
		trace := filepath.Join(t.TempDir(), "trace")
		cmd := exec.Command(os.Args[0], "-test.run", "^"+child+"$")
		cmd.Env = append(os.Environ(), "EMULATOR_CHILD=1", "EMULATOR_TRACE="+trace)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		got, err := os.ReadFile(trace)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s: the driver was asked to %q, want %q", child, got, want)
		}
	}
}

// useEmulated multiplies with a bias, and records that.
func useEmulated(e *cuda.Engine) error {
	var ts []*tensor.Dense
	for _, n := range []int{8 * 32, 16 * 32, 16, 8 * 16} {
		t, err := e.New(tensor.Float32, n)
		if err != nil {
			return err
		}
		ts = append(ts, t)
	}
	run := func() error {
		return e.Gemm(engine.Gemm{Out: e.View(ts[3], 8, 16), A: e.View(ts[0], 8, 32), B: e.View(ts[1], 16, 32),
			TransB: true,
			Alpha:  1, Bias: ts[2]})
	}
	if err := run(); err != nil {
		return err
	}
	r, err := e.Record(run)
	if err != nil {
		return e.Sync()
	}
	return errors.Join(r.Run(), e.Sync(), r.Close())
}

// TestEmulatedFaults opens an emulated device that is broken in one way or
// another, in a process of its own, since a driver starts once. It runs where
// make cuda-emulated put the libraries.
func TestEmulatedFaults(t *testing.T) {
	if os.Getenv("EMULATOR_CHILD") != "" {
		d, err := nvidia.Open()
		if err != nil {
			fmt.Printf("result: %v\n", err)
			return
		}
		info := d.Info()
		e, err := cuda.New(d, cuda.Options{})
		if err != nil {
			t.Fatal(err)
		}
		err = useEmulated(e)
		f := e.FastPath()
		if err := errors.Join(err, e.Close()); err != nil {
			t.Fatal(err)
		}
		if d, err = nvidia.Open(); err == nil {
			err = d.Close()
		}
		fmt.Printf("result: %v, %s, %s, slow: %v, products: %v\n", err, f.Code, info.Library, f.Slow(), f.Products)
		return
	}
	table := filepath.Join(t.TempDir(), "algorithms.txt")
	line := "90 fp32 fp32 TN 16x8x32 32,32,16 bias 43/0/0/0/0/0/0/0/0\n"
	if err := os.WriteFile(table, []byte(line), 0o644); err != nil {
		t.Fatal(err)
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
		"EMULATOR_VERSION=11080":  "CUDA 11.8 at most, 12.0 is needed",
		"EMULATOR_RETAIN=46":      "taken by another process",
		"EMULATOR_RETAIN=2":       "out of GPU memory",
		"EMULATOR_MEMORY=1000000": "out of GPU memory",
		"LD_LIBRARY_PATH=":        "no NVIDIA driver on this machine",
		"EMULATOR_MEMORY=1000001": "out of GPU memory", // and again: nothing was left behind
		"EMULATOR_NOTHING=1":      "result: <nil>",
		"EMULATOR_CUBIN=209": "result: <nil>, PTX for 8.0, cuBLAS 13.0.0, slow: [machine code was refused: machine " +
			"code for 9.0",
		"EMULATOR_VERSION=12040": "result: <nil>, machine code for 9.0, cuBLAS 12.0.0, slow: []",
		"EMULATOR_VERSION=12000": "result: <nil>",
		"EMULATOR_BLAS=13":       "result: <nil>, machine code for 9.0, cuBLAS 12.0.0",
		"EMULATOR_BLAS=12":       "result: <nil>, machine code for 9.0, cuBLAS 13.0.0",
		"EMULATOR_NO_BIAS=1":     "a bias takes a pass of its own: 90 fp32 fp32 TN 16x8x32 32,32,16 bias",
		"EMULATOR_CAPTURE=900":   "a program is not recorded: ",
		"EMULATOR_NOTHING=2":     "slow: [], products: [{90 fp32 fp32 TN 16x8x32 32,32,16 bias 42/0/0/0/0/0/0/0/0 false 2}]",

		cuda.AlgorithmsFile + "=" +
			table: "products: [{90 fp32 fp32 TN 16x8x32 32,32,16 bias 43/0/0/0/0/0/0/0/0 true 2}]",
		cuda.AlgorithmsFile + "=/nowhere/at": "CLIPCALIB_CUDA_ALGORITHMS: open /nowhere/at",
		"EMULATOR_CAPABILITY=75":             "result: <nil>",
		"EMULATOR_CAPABILITY=89":             "result: <nil>",
		"EMULATOR_CAPABILITY=120":            "result: <nil>",
		"EMULATOR_CAPABILITY=70":             "compute capability 7.0",
	} {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestEmulatedFaults$")
		cmd.Env = append(os.Environ(), "EMULATOR_CHILD=1", setting)
		out, err := cmd.CombinedOutput()
		line, _, _ := strings.Cut(string(out), "\n")
		if err != nil || !strings.Contains(line, want) || !strings.HasPrefix(line, "result: ") {
			t.Errorf("%s: %v, %s; want one line with %q", setting, err, out, want)
		}
	}
}

// openEmulated opens an engine on an emulated GPU.
func openEmulated(t *testing.T, index int) *cuda.Engine {
	t.Helper()
	d, err := nvidia.OpenIndex(index)
	if err != nil {
		t.Fatal(err)
	}
	e, err := cuda.New(d, cuda.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestEmulatedGPUsBesideOneAnother uses three GPUs at once, each from its own
// goroutine, and closes them in turn; the emulator refuses memory, streams and
// handles of another GPU.
func TestEmulatedGPUsBesideOneAnother(t *testing.T) {
	if d, err := nvidia.Open(); err != nil {
		t.Skip(err)
	} else if d.Info().Name != "Emulated GPU" {
		d.Close()
		t.Skip("for the emulated device alone")
	} else if err := d.Close(); err != nil {
		t.Error(err)
	}
	t.Setenv("EMULATOR_DEVICES", "3")
	engines := []*cuda.Engine{openEmulated(t, 2), openEmulated(t, 0), openEmulated(t, 1)}
	var all errgroup.Group
	for _, e := range engines {
		all.Go(func() error {
			for range 5 {
				if err := useEmulated(e); err != nil {
					return err
				}
			}
			return e.Close()
		})
	}
	if err := all.Wait(); err != nil {
		t.Error(err)
	}
	if _, err := nvidia.OpenIndex(7); err == nil || !strings.Contains(err.Error(), "no GPU 7 among the 3") {
		t.Errorf("a GPU that is not there: %v", err)
	}
	e := openEmulated(t, 0)
	if err := useEmulated(e); err != nil {
		t.Errorf("after all were closed: %v", err)
	}
	timed, err := e.TimeProducts(t.Context(), 10*time.Millisecond)
	if err != nil || len(timed) != 1 || timed[0].Shape != "90 fp32 fp32 TN 16x8x32 32,32,16 bias" ||
		timed[0].Algorithm != "42/0/0/0/0/0/0/0/0" || timed[0].FLOP != 2*16*8*32 || !(timed[0].Seconds > 0) ||
		timed[0].Runs < 5 {
		t.Errorf("products by themselves: %v, %+v", err, timed)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}

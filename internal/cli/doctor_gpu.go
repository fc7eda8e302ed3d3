package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"clipcalib/internal/device"
	"clipcalib/internal/engine"

	"gorgonia.org/tensor"
)

// examineGPU says whether the GPU engine runs, and where the first thing is
// that keeps it from running: the one that o names, else the first.
func examineGPU(o device.Options) []finding {
	if !strings.HasPrefix(strings.ToLower(o.Kind), "cuda:") {
		o.Kind = "cuda"
	}
	fs := listGPUs()
	d, err := device.Open(o)
	if err != nil {
		return append(fs, gpuTrouble("/", device.NVIDIARelease(), err)...)
	}
	defer d.Close()
	fs = append(fs, finding{"cuda engine", "ok", d.Name(), ""})
	if release := device.NVIDIARelease(); release != "" {
		fs = append(fs, finding{"NVIDIA driver", "ok", release, ""})
	}
	gpu, ok := device.Engine(d).(engine.OnGPU)
	if !ok {
		return fs
	}
	card, err := gpu.GPU()
	if err != nil {
		return append(fs, finding{"GPU memory", "missing", err.Error(), "the GPU does not answer: restart the machine"})
	}
	fs = append(fs, gpuFastPath(device.Engine(d)))
	return append(fs, gpuMemory(card),
		finding{"GPU precision", "ok", gpu.Precision() + " where --precision names none", ""})
}

// listGPUs lists the GPUs that this process sees. Why there are none, what is
// found when one is opened says.
func listGPUs() []finding {
	cards, _ := device.Cards()
	var fs []finding
	for i, c := range cards {
		fs = append(fs, finding{fmt.Sprintf("GPU cuda:%d", i), "ok", fmt.Sprintf(
			"%s, %.1f GiB, compute capability %d.%d, driver for CUDA %d.%d", c.Name, float64(c.Memory)/(1<<30),
			c.Capability/10, c.Capability%10, c.Driver/1000, c.Driver%1000/10), ""})
	}
	return fs
}

// buildForBoth is how go itself, without make, builds this program or another
// that uses this module for the processor and NVIDIA GPUs.
const buildForBoth = "make build, or D=$(go list -m -f '{{.Dir}}' clipcalib)/internal/engine/cuda/nvidia; " +
	`CGO_ENABLED=1 CGO_CFLAGS="-O2 -I$D" CGO_LDFLAGS="-L$D" go build -tags gpu, also in other modules; a C compiler, ` +
	"but nothing of CUDA"

// gpuFastPath tries whether work is recorded and biases are added in products,
// and says which code the driver took.
func gpuFastPath(e engine.Engine) finding {
	i, ok := e.(engine.Inspected)
	if !ok {
		return finding{"GPU fast path", "slow", e.Name() + " cannot tell", "no results differ"}
	}
	err := tryFastPath(e)
	f := i.FastPath()
	out := finding{"GPU fast path", "ok", fmt.Sprintf("%s, %s, work is recorded, biases are added in products", f.Code,
		f.Library), ""}
	if slow := f.Slow(); err != nil || len(slow) > 0 {
		if err != nil {
			slow = append(slow, err.Error())
		}
		out.State, out.Detail = "slow", f.Code+", "+f.Library+"; "+strings.Join(slow, "; ")
		out.Remedy = "no results differ; a newer NVIDIA driver or cuBLAS may help"
	}
	return out
}

// tryFastPath multiplies by a frozen weight with a bias, and records that.
func tryFastPath(e engine.Engine) error {
	const n = 64
	var ts []*tensor.Dense
	defer func() {
		for _, t := range ts {
			e.Release(t)
		}
	}()
	for _, shape := range [][]int{{n, n}, {n, n}, {n, n}, {n}} {
		t, err := e.New(tensor.Float32, shape...)
		if err != nil {
			return err
		}
		ts = append(ts, t)
	}
	e.Freeze(ts[1])
	e.Freeze(ts[3])
	run := func() error {
		return e.Gemm(engine.Gemm{Out: ts[0], A: ts[2], B: ts[1], TransB: true, Alpha: 1, Bias: ts[3]})
	}
	if err := run(); err != nil {
		return err
	}
	if r, ok := e.(engine.Recorder); ok {
		recording, err := r.Record(run)
		if err == nil {
			err = errors.Join(recording.Run(), e.Sync(), recording.Close())
		}
		return errors.Join(err, e.Sync())
	}
	return e.Sync()
}

// gpuMemory warns where another process leaves little.
func gpuMemory(c engine.GPU) finding {
	f := finding{"GPU memory", "ok", fmt.Sprintf("%.1f GiB, %.1f GiB free", float64(c.Memory)/(1<<30),
		float64(c.Free)/(1<<30)), ""}
	if c.Free < c.Memory/2 {
		f.State, f.Remedy = "slow", "other processes hold most of it: nvidia-smi lists them"
	}
	return f
}

// gpuTrouble explains why the engine did not open: by the machine's lowest
// layer that is amiss, since an error above it only follows. root is "/",
// release that of the driver's kernel module, if one is loaded.
func gpuTrouble(root, release string, err error) []finding {
	out := finding{What: "cuda engine", State: "missing", Detail: strings.TrimPrefix(err.Error(), "device cuda: ")}
	var u *engine.Unavailable
	if errors.As(err, &u) {
		out.Detail, out.Remedy = u.Why, u.Remedy
	}
	if device.LeftOut(err) {
		out.Remedy = buildForBoth
		if release == "" {
			return []finding{out}
		}
	}
	if release == "" {
		out.Remedy = "an NVIDIA GPU with its driver, of which this machine shows none; the cpu engine does everything without"
		return []finding{out}
	}
	driver := finding{"NVIDIA driver", "ok", release, ""}
	if why, remedy := gpuNodes(root); why != "" {
		return []finding{driver, {"GPU device files", "missing", why, remedy}, out}
	}
	return []finding{driver, out}
}

// gpuNodes looks for the files through which programs reach the driver.
func gpuNodes(root string) (why, remedy string) {
	cards, _ := filepath.Glob(root + "dev/nvidia[0-9]*")
	if len(cards) == 0 {
		return "/dev/nvidia0 is not there", "in a container, start it with the GPU (--gpus all); elsewhere run " +
			"nvidia-modprobe -c 0 -u"
	}
	for _, path := range append([]string{root + "dev/nvidiactl", root + "dev/nvidia-uvm"}, cards...) {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		name := "/" + strings.TrimPrefix(path, root)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return name + " is not there", "run nvidia-modprobe -c 0 -u, or restart the machine"
		case errors.Is(err, fs.ErrPermission):
			return name + " may not be opened", "become a member of the group that owns it (ls -l " + name +
				"), often video or render, and log in again"
		case err == nil:
			f.Close()
		}
	}
	return "", ""
}

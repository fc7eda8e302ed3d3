package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipcalib/internal/engine"
)

func TestDoctorNamesTheLowestLayerAmiss(t *testing.T) {
	tooOld := fmt.Errorf("device cuda: %w", &engine.Unavailable{Why: "runs CUDA 12.0 at most, 12.3 is needed",
		Remedy: "install a newer driver"})
	for _, c := range []struct {
		release string
		files   map[string]os.FileMode
		err     error
		want    []string // in this order: what, detail or remedy
	}{
		{"", nil, tooOld, []string{"cuda engine", "12.3 is needed", "shows none"}},
		{"580.1", nil, tooOld, []string{"NVIDIA driver", "580.1", "device files", "/dev/nvidia0", "--gpus all",
			"cuda engine"}},
		{"580.1", map[string]os.FileMode{"nvidia0": 0o600}, tooOld,
			[]string{"/dev/nvidiactl is not there", "nvidia-modprobe"}},
		{"580.1", map[string]os.FileMode{"nvidia0": 0o600, "nvidiactl": 0o600, "nvidia-uvm": 0o600}, tooOld,
			[]string{"580.1", "12.3 is needed", "install a newer driver"}},
		{"580.1", map[string]os.FileMode{"nvidia0": 0o600, "nvidiactl": 0o600, "nvidia-uvm": 0o600}, errors.New("odd"),
			[]string{"580.1", "odd"}},
		{"580.1", map[string]os.FileMode{"nvidia0": 0, "nvidiactl": 0o600, "nvidia-uvm": 0o600}, tooOld,
			[]string{"/dev/nvidia0 may not be opened", "group", "12.3"}},
	} {
		t.Run(strings.Join(c.want, ", "), func(t *testing.T) {
			root := t.TempDir() + "/"
			if err := os.Mkdir(root+"dev", 0o755); err != nil {
				t.Fatal(err)
			}
			for name, mode := range c.files {
				if err := os.WriteFile(filepath.Join(root, "dev", name), nil, mode); err != nil {
					t.Fatal(err)
				}
				if mode == 0 && os.Geteuid() == 0 {
					t.Skip("root may open every file")
				}
			}
			got := fmt.Sprint(gpuTrouble(root, c.release, c.err))
			rest := got
			for _, want := range c.want {
				_, after, ok := strings.Cut(rest, want)
				if !ok {
					t.Errorf("no %q in its place in %s", want, got)
				}
				rest = after
			}
		})
	}
}

func TestDoctorWarnsOfAFullGPU(t *testing.T) {
	if f := gpuMemory(engine.GPU{Memory: 100 << 30, Free: 99 << 30}); f.State != "ok" ||
		!strings.Contains(f.Detail, "100.0 GiB, 99.0 GiB free") {
		t.Error(f)
	}
	if f := gpuMemory(engine.GPU{Memory: 100 << 30, Free: 1 << 30}); f.State == "ok" || f.Remedy == "" {
		t.Error(f)
	}
}

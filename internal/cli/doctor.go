package cli

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"clipcalib/internal/bench"
	"clipcalib/internal/device"
	"clipcalib/internal/engine"

	"github.com/spf13/cobra"
)

// finding is one line of what the machine offers.
type finding struct {
	What   string `json:"what"`
	State  string `json:"state"` // "ok", "missing" or "slow"
	Detail string `json:"detail"`
	Remedy string `json:"remedy,omitempty"`
}

func doctorCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "doctor",
		Short:   "What this machine offers, what is missing, and how to get it",
		Example: "  clipcalib doctor\n  clipcalib doctor --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			fs := examine(c.Context(), a.deviceOptions())
			if a.json {
				return a.printJSON(fs)
			}
			w := tabwriter.NewWriter(a.out, 0, 4, 2, ' ', 0)
			for _, f := range fs {
				fmt.Fprintf(w, "%s\t%s\t%s\n", f.State, f.What, f.Detail)
				if f.Remedy != "" {
					fmt.Fprintf(w, "\t\tto have it: %s\n", f.Remedy)
				}
			}
			return w.Flush()
		},
	}
}

func examine(ctx context.Context, o device.Options) []finding {
	fs := []finding{{"program", "ok", fmt.Sprintf("%s, %s/%s", runtime.Version(), runtime.GOOS, runtime.GOARCH), ""}}
	fs = append(fs, finding{"cores", "ok", fmt.Sprint(runtime.NumCPU()), ""})
	if total, free, ok := memory(); ok {
		fs = append(fs, finding{"memory", "ok", fmt.Sprintf("%.1f GB, %.1f GB free", total, free), ""})
	}
	fs = append(fs, engineFinding(ctx, o, "fp32", "cpu engine"),
		engineFinding(ctx, o, "bf16", "bf16 on the cpu"))
	o.Precision = ""
	fs = append(fs, examineGPU(o)...)
	return append(fs, chosenDevice(o))
}

// chosenDevice says where commands compute that name no device, or the one named.
func chosenDevice(o device.Options) finding {
	what := "--device " + o.Kind
	d, err := device.Open(o)
	if err != nil {
		return finding{what, "missing", err.Error(), ""}
	}
	defer d.Close()
	if _, passed := device.Chosen(d); passed != "" {
		return finding{what, "slow", fmt.Sprintf("%s, since the GPU cannot be used", d.Name()), ""}
	}
	return finding{what, "ok", d.Name(), ""}
}

// engineFinding says what multiplies on the processor in a precision, and how
// near it comes to what its instructions can.
func engineFinding(ctx context.Context, o device.Options, precision, what string) finding {
	o.Kind, o.Precision = "cpu", precision
	d, err := device.Open(o)
	if err != nil {
		return finding{what, "missing", err.Error(), ""}
	}
	defer d.Close()
	f := finding{what, "ok", d.Name(), ""}
	on, ok := device.Engine(d).(engine.OnProcessor)
	if !ok {
		return f
	}
	k := on.Kernel()
	switch {
	case k.Name == "portable":
		f.State = "slow"
		f.Detail += "; kernels in assembly are for arm64, and for amd64 with AVX2 or AVX-512"
	case !k.Native:
		f.State = "slow"
		f.Detail += "; this processor has none of AVX512_BF16, AMX and, on arm64, FEAT_BF16: 16-bit weights are widened"
	}
	rate, err := bench.ProductRate(ctx, d, productsBudget)
	if err != nil {
		return finding{what, "missing", err.Error(), ""}
	}
	f.Detail += "; products reach " + gflops(rate) + " GFLOP/s"
	if k.PeakGFLOPS > 0 {
		f.Detail += fmt.Sprintf(", %.0f%% of the %s that %s reaches on registers alone", 100*rate/k.PeakGFLOPS,
			gflops(k.PeakGFLOPS), k.Name)
	}
	return f
}

// gflops writes a rate: one of an emulated processor is below 1.
func gflops(rate float64) string {
	if rate < 10 {
		return fmt.Sprintf("%.2f", rate)
	}
	return fmt.Sprintf("%.0f", rate)
}

// productsBudget is how long doctor multiplies in each precision.
const productsBudget = 200 * time.Millisecond

// memory reads total and available memory in GB from the kernel.
func memory() (total, free float64, ok bool) {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, 0, false
	}
	for line := range strings.Lines(string(b)) {
		var kb float64
		switch {
		case strings.HasPrefix(line, "MemTotal:"):
			fmt.Sscanf(line, "MemTotal: %f", &kb)
			total = kb / 1e6
		case strings.HasPrefix(line, "MemAvailable:"):
			fmt.Sscanf(line, "MemAvailable: %f", &kb)
			free = kb / 1e6
		}
	}
	return total, free, total > 0
}

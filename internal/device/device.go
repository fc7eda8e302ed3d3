// Package device opens the engine a user asks for by name.
package device

import (
	"fmt"
	"strings"

	"clipcalib/internal/engine"
)

// Options say where and how to compute. The zero value is the processor, all
// its cores, in float32.
type Options struct {
	Device    string // "cpu" (also ""), "cpu-go" (never oneDNN) or "cuda"
	Threads   int    // cores to use; 0 means all
	Precision string // "fp32", "bf16", and on cuda "tf32" and "fp16": the form products are multiplied in; "" is the device's default
}

// openers make the engines that are built in.
var openers = map[string]func(Options) (engine.Engine, error){
	"cpu":    openCPU,
	"cpu-go": openPureGo,
}

// Open returns the engine o asks for. The caller closes it.
func Open(o Options) (engine.Engine, error) {
	name := strings.ToLower(o.Device)
	if name == "" {
		name = "cpu"
	}
	open, ok := openers[name]
	switch {
	case !ok && name == "cuda":
		return nil, fmt.Errorf("device cuda: %w", &engine.Unavailable{Why: "this build has no CUDA support", Remedy: "use --device cpu, or build with make cuda (Go tag gpu)"})
	case !ok:
		return nil, fmt.Errorf("device %q is unknown: use cpu or cuda", o.Device)
	case o.Threads < 0:
		return nil, fmt.Errorf("%d threads: use 1 or more, or 0 for all cores", o.Threads)
	}
	return open(o)
}

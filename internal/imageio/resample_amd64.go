//go:build amd64 && !noasm

package imageio

import "golang.org/x/sys/cpu"

// fast says that the processor runs the assembly of this package.
var fast = cpu.X86.HasAVX2

//go:build !unix

package prompt

// cpuSeconds is the processor time the process has taken, unknown here.
func cpuSeconds() float64 { return 0 }

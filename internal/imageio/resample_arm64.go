//go:build arm64 && !noasm

package imageio

// fast says that the assembly of this package runs: every arm64 has NEON. Tests
// turn it off.
var fast = true

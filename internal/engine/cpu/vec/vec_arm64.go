//go:build arm64 && !noasm

package vec

// fast says that the assembly of this package runs: every arm64 has NEON.
const fast = true

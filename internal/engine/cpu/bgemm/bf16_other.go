//go:build arm64 && !noasm && !linux && !darwin

package bgemm

// hasBF16 says no: how to ask is known for Linux and macOS alone.
func hasBF16() bool { return false }

//go:build amd64 && !noasm && !linux

package bgemm

// allowTiles says no: how to ask for AMX is known for Linux alone.
func allowTiles() bool { return false }

//go:build !unix

package cells

// PeakMemory is not known here.
func PeakMemory() int64 { return 0 }

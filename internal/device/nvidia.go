package device

import (
	"os"
	"strings"
)

// NVIDIARelease is the release of NVIDIA's driver, as in "580.95.05", by what
// its kernel module says; "" where it says nothing.
func NVIDIARelease() string { return nvidiaRelease("/") }

func nvidiaRelease(root string) string {
	b, err := os.ReadFile(root + "sys/module/nvidia/version")
	if err == nil {
		return strings.TrimSpace(string(b))
	}
	// "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.95.05  Tue ..."
	if b, err = os.ReadFile(root + "proc/driver/nvidia/version"); err != nil {
		return ""
	}
	for word := range strings.FieldsSeq(string(b)) {
		if len(word) > 2 && strings.Trim(word, "0123456789.") == "" && strings.Contains(word, ".") {
			return word
		}
	}
	return ""
}

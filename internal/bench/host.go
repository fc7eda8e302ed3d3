package bench

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Host is the machine around the device.
type Host struct {
	Processor string `json:"processor"` // as the system names it, else the architecture
	Cores     int    `json:"cores"`     // logical ones that this process may use
	Memory    int64  `json:"memory_bytes,omitempty"`
	Kernel    string `json:"kernel,omitempty"` // of the operating system
}

// String names processor and cores.
func (h Host) String() string { return fmt.Sprintf("%s, %s", h.Processor, count(h.Cores, "core")) }

// readHost reads what the system tells below root, which is "/".
func readHost(root string) Host {
	h := Host{Processor: runtime.GOARCH, Cores: runtime.NumCPU()}
	if name := field(root+"proc/cpuinfo", "model name"); name != "" {
		h.Processor = name
	}
	var kb int64
	if _, err := fmt.Sscan(field(root+"proc/meminfo", "MemTotal"), &kb); err == nil && kb > 0 {
		h.Memory = kb << 10
	}
	if b, err := os.ReadFile(root + "proc/sys/kernel/osrelease"); err == nil {
		h.Kernel = strings.TrimSpace(string(b))
	}
	return h
}

// field returns what follows "name:" in the first line of a file that has it.
func field(path, name string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

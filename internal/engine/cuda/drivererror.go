package cuda

import (
	"fmt"
	"strings"

	"clipcalib/internal/engine"
)

// LeastDriver is the oldest CUDA version a driver must run: the embedded PTX
// is of ISA 7.0, and cuBLAS 12 asks for as much.
const LeastDriver = 12000

// MostArguments is the most bytes of arguments a kernel may have, by CUDA.
const MostArguments = 4096

// driverErrors says what the codes of CUresult mean to a user, and what to do.
var driverErrors = map[int]string{
	2:  "out of GPU memory: use a smaller --batch, or close what else uses the GPU (nvidia-smi lists it)",
	34: "the CUDA library found is a stub without a driver: take its folder out of LD_LIBRARY_PATH",
	46: "the GPU is taken by another process (nvidia-smi lists it): wait for it, or choose another GPU with " +
		"CUDA_VISIBLE_DEVICES",
	100: "the NVIDIA driver sees no GPU: look at CUDA_VISIBLE_DEVICES, and give a container the GPU (--gpus all)",
	101: "CUDA_VISIBLE_DEVICES names a GPU that is not there: nvidia-smi -L lists them",
	201: "the GPU's context is gone: start the program again",
	209: "the embedded kernels do not run on this GPU: compute capability 7.5 or later is needed, use --device cpu",
	214: "the GPU found a memory error it cannot correct (ECC): run again, and have the card checked if it stays",
	218: "the NVIDIA driver did not accept the embedded kernels: install a newer driver",
	222: "the NVIDIA driver is too old for the embedded kernels: install one for CUDA 12.0 or later",
	500: "the NVIDIA driver lacks a function or kernel that is needed: install a newer driver",
	700: "a kernel touched memory that is not its own, a fault of this program: please report it, and use --device cpu",
	702: "a kernel ran longer than the display allows: use a smaller --batch, or a GPU without a display",
	716: "a kernel touched memory at an odd address, a fault of this program: please report it, and use --device cpu",
	719: "a kernel failed on the GPU: run again, and use --device cpu if it stays",
	802: "the NVIDIA driver is not ready yet (on servers with NVSwitch: start nvidia-fabricmanager)",
	803: "the NVIDIA driver's library and kernel module are of different versions: restart the machine after the update",
	804: "the CUDA compatibility library does not support this GPU: take it out of LD_LIBRARY_PATH, or install a newer " +
		"driver",
	999: "the NVIDIA driver failed without saying why: restart the machine (after suspend, reload the module nvidia_uvm)",
}

// DriverError returns the error for a code of CUresult, which is not 0. It
// wraps an [engine.Unavailable].
func DriverError(code int) error {
	text, ok := driverErrors[code]
	if !ok {
		text = "the CUDA driver failed: run again, and use --device cpu if it stays"
	}
	why, remedy, _ := strings.Cut(text, ": ")
	return fmt.Errorf("%w (CUDA error %d)", &engine.Unavailable{Why: why, Remedy: remedy}, code)
}

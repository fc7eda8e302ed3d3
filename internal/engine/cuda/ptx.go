package cuda

import (
	"bufio"
	"compress/gzip"
	"embed"
	"fmt"
	"io"
	"slices"
)

// The kernels' code, made by "make cuda-ptx".
//
//go:embed kernels/*.ptx.gz kernels/*.cubin.gz
var packedCode embed.FS

// Compute capabilities of what is embedded, the best first: machine code runs
// within its generation (8.6 on 8.6 to 8.9), and PTX, which the driver compiles,
// on all from its own on.
var (
	machineCode = []int{120, 100, 90, 89, 86, 80}
	portable    = []int{80, leastCapability}
)

// mostCode bounds what an embedded file may unpack to.
const mostCode = 64 << 20

// Image is the kernels' code in one form.
type Image struct {
	Name string // as "machine code for 9.0" or "PTX for 8.0"
	Code string
}

// Images returns the kernels' code for a device: machine code, if there is any
// for it, and then PTX, for a driver that refuses it.
func Images(info Info) ([]Image, error) {
	if err := supports(info, FP32); err != nil {
		return nil, err
	}
	var images []Image
	add := func(form, suffix string, from []int, runs func(capability int) bool) error {
		i := slices.IndexFunc(from, runs)
		if i < 0 {
			return nil
		}
		file := codeFile(from[i], suffix)
		_, code, err := unpack(file)
		if err != nil {
			return fmt.Errorf("embedded kernels %s: %w", file, err)
		}
		images = append(images, Image{fmt.Sprintf("%s for %d.%d", form, from[i]/10, from[i]%10), code})
		return nil
	}
	have := info.Capability
	return images, first(
		add("machine code", ".cubin", machineCode, func(c int) bool { return c <= have && c/10 == have/10 }),
		add("PTX", ".ptx", portable, func(c int) bool { return c <= have }))
}

func codeFile(capability int, suffix string) string {
	return fmt.Sprintf("sm_%d%s", capability, suffix)
}

// unpack returns an embedded file's first lines, which say what it was made
// from and by what, and the code.
func unpack(file string) (origin [2]string, code string, err error) {
	f, err := packedCode.Open("kernels/" + file + ".gz")
	if err != nil {
		return origin, "", err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return origin, "", err
	}
	r := bufio.NewReader(io.LimitReader(z, mostCode))
	for i := range origin {
		if origin[i], err = r.ReadString('\n'); err != nil {
			return origin, "", err
		}
	}
	b, err := io.ReadAll(r)
	return origin, string(b), err
}

package cuda

import (
	"bufio"
	"compress/gzip"
	"embed"
	"fmt"
	"io"
	"strings"
)

// The kernels' code, made by "make cuda-ptx".
//
//go:embed kernels/sm_75.ptx.gz kernels/sm_80.ptx.gz kernels/sm_90.cubin.gz
var packedCode embed.FS

// codes lists what is embedded, the best first, with the compute capabilities
// that can run it: PTX, which the driver compiles, all from its own on; machine
// code those of its generation.
var codes = []struct {
	file        string
	least, most int
}{
	{"sm_90.cubin", 90, 99},
	{"sm_80.ptx", 80, 1 << 30},
	{"sm_75.ptx", leastCapability, 1 << 30},
}

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
	for _, c := range codes {
		if info.Capability < c.least || info.Capability > c.most {
			continue
		}
		_, image, err := unpack(c.file)
		if err != nil {
			return nil, fmt.Errorf("embedded kernels %s: %w", c.file, err)
		}
		form := "machine code"
		if strings.HasSuffix(c.file, ".ptx") {
			form = "PTX"
		}
		images = append(images, Image{fmt.Sprintf("%s for %d.%d", form, c.least/10, c.least%10), image})
		if strings.HasSuffix(c.file, ".ptx") {
			break
		}
	}
	return images, nil
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

package cuda

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
)

// The kernels as PTX, which the driver compiles for the card it has; made by
// "make cuda-ptx".
//
//go:embed kernels/kernels.ptx.gz
var packedPTX []byte

// mostPTX bounds what the embedded file may unpack to.
const mostPTX = 64 << 20

// PTX returns the kernels' code.
func PTX() (string, error) {
	z, err := gzip.NewReader(bytes.NewReader(packedPTX))
	if err != nil {
		return "", fmt.Errorf("embedded kernels: %w", err)
	}
	b, err := io.ReadAll(io.LimitReader(z, mostPTX))
	if err != nil {
		return "", fmt.Errorf("embedded kernels: %w", err)
	}
	return string(b), nil
}

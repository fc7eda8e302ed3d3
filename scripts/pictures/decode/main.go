// Command decode is our half of the comparison with Pillow (see ../differ.py).
// It reads pictures from standard input, each after its length (four bytes,
// little endian), and answers each with one line: "ok WIDTH HEIGHT SHA-256" of
// the RGB bytes, or "error MESSAGE".
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io"
	"os"

	"clipcalib/internal/imageio"
)

func main() {
	if err := answer(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "decode:", err)
		os.Exit(1)
	}
}

func answer(in io.Reader, out io.Writer) error {
	r := bufio.NewReader(in)
	for {
		var n uint32
		if err := binary.Read(r, binary.LittleEndian, &n); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		data := make([]byte, n)
		if _, err := io.ReadFull(r, data); err != nil {
			return err
		}
		m, err := imageio.Decode(data)
		if err != nil {
			_, err = fmt.Fprintf(out, "error %q\n", err)
		} else {
			_, err = fmt.Fprintf(out, "ok %d %d %x\n", m.Rect.Dx(), m.Rect.Dy(), sum(m))
		}
		if err != nil {
			return err
		}
	}
}

// sum is the hash of the pixels without their opacity.
func sum(m *image.NRGBA) []byte {
	h := sha256.New()
	row := make([]byte, 3*m.Rect.Dx())
	for y := range m.Rect.Dy() {
		for x := range m.Rect.Dx() {
			copy(row[3*x:3*x+3], m.Pix[y*m.Stride+4*x:])
		}
		h.Write(row)
	}
	return h.Sum(nil)
}

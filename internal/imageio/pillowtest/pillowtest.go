// Package pillowtest reads files of encoded pictures with the hashes of the
// pixels that Pillow decodes them to, for the tests of the decoders.
package pillowtest

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"image"
	"os"
	"testing"
)

// Picture is an encoded picture and what Pillow makes of it.
type Picture struct {
	What          string // what is special about it
	Width, Height int
	Hash          string // of the pixels; empty where Pillow refuses the file
	Data          []byte // the file
}

// Read reads the pictures of a file.
func Read(tb testing.TB, path string) []Picture {
	tb.Helper()
	f, err := os.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 4<<20)
	var out []Picture
	for lines.Scan() {
		var p Picture
		var encoded string
		if err := json.Unmarshal(lines.Bytes(), &[]any{&p.What, &p.Width, &p.Height, &p.Hash, &encoded}); err != nil {
			tb.Fatal(err)
		}
		if p.Data, err = base64.StdEncoding.DecodeString(encoded); err != nil {
			tb.Fatal(err)
		}
		out = append(out, p)
	}
	if err := lines.Err(); err != nil || len(out) == 0 {
		tb.Fatalf("%s: %d pictures, %v", path, len(out), err)
	}
	return out
}

// HashRGB is the hash of a picture's pixels, without their opacity.
func HashRGB(m *image.NRGBA) string {
	var rgb []byte
	for i := 0; i < len(m.Pix); i += 4 {
		rgb = append(rgb, m.Pix[i:i+3]...)
	}
	sum := sha256.Sum256(rgb)
	return hex.EncodeToString(sum[:])[:24]
}

// Check reports where decoded pixels are not Pillow's.
func (p Picture) Check(t *testing.T, m *image.NRGBA, err error) {
	t.Helper()
	if p.Hash == "" {
		if err == nil {
			t.Errorf("%s: is read, and Pillow refuses it", p.What)
		}
		return
	}
	if err != nil {
		t.Errorf("%s: %v", p.What, err)
		return
	}
	if m.Rect != image.Rect(0, 0, p.Width, p.Height) || !m.Opaque() {
		t.Errorf("%s: bounds %v, opaque %v", p.What, m.Rect, m.Opaque())
	}
	if HashRGB(m) != p.Hash {
		t.Errorf("%s: pixels differ from Pillow's", p.What)
	}
}

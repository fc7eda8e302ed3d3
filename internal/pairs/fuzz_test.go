package pairs

import (
	"bytes"
	"testing"
)

// exercise reads the ends of whatever a reader believed; nothing may panic.
func exercise(p Pairs) {
	dst := make([]byte, 3*p.Size()*p.Size())
	for _, i := range []int{0, p.Len() - 1, p.Len()} {
		_ = p.Image(i, dst)
		_, _ = p.Captions(i)
		_ = p.Kind(i)
	}
}

type bytesFile struct{ *bytes.Reader }

func (bytesFile) Close() error { return nil }
func (bytesFile) Name() string { return "fuzz.tar" }

func FuzzPacked(f *testing.F) {
	whole := packedBytes(f, nil)
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, err := openPacked(bytesFile{bytes.NewReader(data)}, int64(len(data)), 0); err == nil {
			exercise(p)
		}
	})
}

func FuzzTable(f *testing.F) {
	f.Add([]byte("filepath\ttitle\na.png\tcup\n"))
	f.Add([]byte("a.png,\"a, b\"\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		// Pictures are not opened: a path could name any file of this machine.
		if p, err := openTable(bytes.NewReader(data), "list", Options{}); err == nil {
			if c, err := p.Captions(p.Len() - 1); err != nil || len(c) == 0 {
				t.Errorf("captions %q, %v", c, err)
			}
		}
	})
}

func FuzzTar(f *testing.F) {
	f.Add(tarBytes(f, member{"a.png", []byte("x")}, member{"a.txt", []byte("cup")}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, err := newTars([]archive{bytesFile{bytes.NewReader(data)}}, 4); err == nil {
			exercise(p)
		}
	})
}

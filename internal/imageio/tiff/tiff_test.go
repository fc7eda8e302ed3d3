package tiff

import (
	"encoding/binary"
	"fmt"
	"image"
	"strings"
	"testing"

	"clipcalib/internal/imageio/pillowtest"
)

// file is a small-endian TIFF of one strip.
func file(strip []byte, tags map[uint16]uint16) []byte {
	b := binary.LittleEndian.AppendUint32([]byte("II*\x00"), 8)
	order := []uint16{256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 317}
	n := 0
	for _, tag := range order {
		if _, ok := tags[tag]; ok {
			n++
		}
	}
	at := 8 + 2 + 12*n + 4
	tags[273], tags[279] = uint16(at), uint16(len(strip))
	b = binary.LittleEndian.AppendUint16(b, uint16(n))
	for _, tag := range order {
		if v, ok := tags[tag]; ok {
			b = binary.LittleEndian.AppendUint16(b, tag)
			b = binary.LittleEndian.AppendUint16(b, 3)
			b = binary.LittleEndian.AppendUint32(b, 1)
			b = binary.LittleEndian.AppendUint32(b, uint32(v))
		}
	}
	return append(append(b, 0, 0, 0, 0), strip...)
}

func gray(w, h uint16, more map[uint16]uint16) map[uint16]uint16 {
	tags := map[uint16]uint16{256: w, 257: h, 258: 8, 259: 1, 262: 1, 273: 0, 277: 1, 279: 0}
	for k, v := range more {
		tags[k] = v
	}
	return tags
}

// TestOrientation: the two pixels of a row end where the orientation says.
func TestOrientation(t *testing.T) {
	want := map[uint16][2]image.Point{
		1: {{0, 0}, {1, 0}}, 2: {{1, 0}, {0, 0}}, 3: {{1, 0}, {0, 0}}, 4: {{0, 0}, {1, 0}},
		5: {{0, 0}, {0, 1}}, 6: {{0, 0}, {0, 1}}, 7: {{0, 1}, {0, 0}}, 8: {{0, 1}, {0, 0}},
	}
	for orientation, places := range want {
		data := file([]byte{10, 200}, gray(2, 1, map[uint16]uint16{274: orientation}))
		m, err := Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		w, h, err := Size(data)
		if err != nil || m.Rect != image.Rect(0, 0, w, h) {
			t.Errorf("orientation %d: bounds %v, Size gives %d x %d, %v", orientation, m.Rect, w, h, err)
		}
		for i, v := range []uint8{10, 200} {
			if got := m.NRGBAAt(places[i].X, places[i].Y).R; got != v {
				t.Errorf("orientation %d: %d at %v, want %d", orientation, got, places[i], v)
			}
		}
	}
}

func TestRefuses(t *testing.T) {
	tests := []struct {
		name string
		tags map[uint16]uint16
		want string
	}{
		{"old JPEG", map[uint16]uint16{259: 6}, "old-style JPEG"},
		{"LZMA", map[uint16]uint16{259: 34925}, "LZMA"},
		{"unknown compression", map[uint16]uint16{259: 999}, "compression 999"},
		{"CIELAB", map[uint16]uint16{262: 8}, "CIELAB"},
		{"64 bits", map[uint16]uint16{258: 64}, "64 bits"},
		{"truncated", map[uint16]uint16{257: 50}, "truncated"},
		{"no width", map[uint16]uint16{256: 0}, "0 x 1"},
		{"floating-point differences", map[uint16]uint16{259: 5, 317: 3}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Decode(file([]byte{10, 200}, gray(2, 1, test.tags)))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q in it", err, test.want)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	for i, g := range pillowtest.Read(f, "../testdata/formats.jsonl") {
		if i%9 == 0 && Match(g.Data) {
			f.Add(g.Data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		w, h, err := Size(data)
		if err != nil || w > 1<<12/h || len(data) > 1<<14 {
			return
		}
		m, err := Decode(data)
		if err == nil && m.Rect != image.Rect(0, 0, w, h) {
			t.Fatalf("header says %d x %d, picture is %v", w, h, m.Rect)
		}
	})
}

func ExampleDecode() {
	_, err := Decode([]byte("II*\x00\x00\x00\x00\x00"))
	fmt.Println(err)
	// Output: no picture in it, or file is truncated
}

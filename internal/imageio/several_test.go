package imageio

import (
	"bytes"
	"image"
	"image/jpeg"
	"testing"

	"clipcalib/internal/imageio/pillowtest"
)

// A file that holds one picture is one, and two files behind each other are two, of
// every kind that Pillow writes.
func TestSeveralOfEveryKind(t *testing.T) {
	var whole []pillowtest.Picture
	found := map[string]int{}
	files := pillowtest.Read(t, "testdata/formats.jsonl")
	files = append(files, pillowtest.Read(t, "testdata/golden.jsonl")...)
	for _, g := range files {
		if g.Hash != "" && Looks(g.Data) {
			whole = append(whole, g)
		}
	}
	for i, g := range whole {
		kind := sniff(g.Data).name
		if Several(g.Data) {
			t.Errorf("%s, one file: several", g.What)
		}
		if Several(append(append([]byte{}, g.Data...), "a note of somebody's"...)) {
			t.Errorf("%s and words: several", g.What)
		}
		next := whole[(i*7+1)%len(whole)]
		for _, between := range []string{"", "\r\n"} {
			if Several(append(append(append([]byte{}, g.Data...), between...), next.Data...)) {
				found[kind]++
			} else {
				t.Errorf("%s and then %s: not seen", g.What, next.What)
			}
		}
	}
	for _, f := range formats {
		if found[f.name] < 40 {
			t.Errorf("%s: %d files", f.name, found[f.name])
		}
	}
}

// Cameras put previews behind a JPEG: where a segment MPF tells of them, or behind
// Exif data where they are smaller than the picture.
func TestPreviewsBelongToTheirPicture(t *testing.T) {
	encoded := func(side int) []byte {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, side, side)), nil); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	large, small := encoded(32), encoded(8)
	with := func(picture []byte, marker byte, word string) []byte {
		body := append([]byte{0xff, marker, 0, byte(2 + len(word))}, word...)
		return append(append(append([]byte{}, picture[:2]...), body...), picture[2:]...)
	}
	for i, c := range []struct {
		first, second []byte
		want          bool
	}{
		{large, small, true}, {with(large, 0xe2, "MPF\x00"), large, false}, {with(large, 0xe1, "Exif\x00\x00"), small,
			false},
		{with(small, 0xe1, "Exif\x00\x00"), large, true}, {with(large, 0xe1, "http:"), small, true},
	} {
		if got := Several(append(append([]byte{}, c.first...), c.second...)); got != c.want {
			t.Errorf("%d: %v", i, got)
		}
	}
}

package pairs

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// plain returns a PNG of one colour.
func plain(t testing.TB, w, h int, c color.Color) []byte {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.Set(x, y, c)
		}
	}
	var buf bytes.Buffer
	if err := png.Encode(&buf, img); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// packedBytes builds a packed pool; edit may spoil its tensors first.
func packedBytes(t testing.TB, edit func(meta map[string]string, shapes map[string][]int64,
	data map[string][]byte)) []byte {
	t.Helper()
	meta := map[string]string{"format": packedFormat, "version": packedVersion}
	shapes := map[string][]int64{
		"images": {2, 2, 2, 3}, "kind": {2}, "caption_start": {3}, "caption_offset": {4}, "caption_bytes": {7},
	}
	numbers := func(n ...uint64) []byte {
		var out []byte
		for _, v := range n {
			out = binary.LittleEndian.AppendUint64(out, v)
		}
		return out
	}
	pixels := make([]byte, 24)
	for i := range pixels {
		pixels[i] = byte(10 * i)
	}
	data := map[string][]byte{
		"images": pixels, "kind": {0, 2}, "caption_start": numbers(0, 2, 3),
		"caption_offset": numbers(0, 2, 4, 7), "caption_bytes": []byte("aabbccc"),
	}
	if edit != nil {
		edit(meta, shapes, data)
	}
	header := map[string]any{"__metadata__": meta}
	var body []byte
	for _, name := range []string{"caption_start", "caption_offset", "images", "kind", "caption_bytes"} {
		if data[name] == nil {
			continue
		}
		dtype := "U8"
		if name == "caption_start" || name == "caption_offset" {
			dtype = "I64"
		}
		header[name] = map[string]any{"dtype": dtype, "shape": shapes[name],
			"data_offsets": []int{len(body), len(body) + len(data[name])}}
		body = append(body, data[name]...)
	}
	head, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(head))), head...), body...)
}

type member struct {
	name string
	data []byte
}

func tarBytes(t testing.TB, members ...member) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, m := range members {
		if err := w.WriteHeader(&tar.Header{Name: m.name, Mode: 0o644, Size: int64(len(m.data))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(m.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// write puts a file into a fresh folder and returns its path.
func write(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func mustOpen(t testing.TB, path string, opts Options) Pairs {
	t.Helper()
	p, err := Open(path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// firstPixel reads picture i and returns the colour of its first pixel.
func firstPixel(t *testing.T, p Pairs, i int) [3]byte {
	t.Helper()
	dst := make([]byte, 3*p.Size()*p.Size())
	if err := p.Image(i, dst); err != nil {
		t.Fatal(err)
	}
	return [3]byte(dst)
}

func wantCaptions(t *testing.T, p Pairs, want ...[]string) {
	t.Helper()
	if p.Len() != len(want) {
		t.Fatalf("%d pictures, want %d", p.Len(), len(want))
	}
	for i, w := range want {
		got, err := p.Captions(i)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, w) {
			t.Errorf("picture %d has captions %q, want %q", i, got, w)
		}
	}
}

func TestPackedPool(t *testing.T) {
	path := write(t, "pool", packedBytes(t, nil))
	p := mustOpen(t, path, Options{})
	wantCaptions(t, p, []string{"aa", "bb"}, []string{"ccc"})
	if p.Size() != 2 || p.Kind(0) != OneColour || p.Kind(1) != Emoji {
		t.Errorf("size %d, kinds %d and %d", p.Size(), p.Kind(0), p.Kind(1))
	}
	if got := firstPixel(t, p, 1); got != [3]byte{120, 130, 140} {
		t.Errorf("first pixel of picture 1 is %v", got)
	}
	larger := mustOpen(t, path, Options{Size: 8})
	if got := firstPixel(t, larger, 1); larger.Size() != 8 || got[0] > 122 {
		t.Errorf("scaled to %d, first pixel %v", larger.Size(), got)
	}
}

func TestTablesWithAndWithoutHeader(t *testing.T) {
	red := plain(t, 40, 20, color.NRGBA{200, 0, 0, 255})
	want := [][]string{{"a red box", "red"}, {"again, red"}}
	for name, text := range map[string]string{
		"tabs with names":     "\ufefffilepath\ttitle\na.png\ta red box\na.png\tred\nb.png\tagain, red\n",
		"tabs, other columns": "id\tcaption\timage\r\n1\ta red box\ta.png\r\n2\tred\ta.png\r\n3\tagain, red\tb.png\r\n",
		"tabs without names":  "a.png\ta red box\na.png\tred\nb.png\tagain, red",
		"commas":              "filepath,title\na.png,a red box\na.png,red\nb.png,\"again, red\"\n",
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, "list", []byte(text))
			for _, picture := range []string{"a.png", "b.png"} {
				if err := os.WriteFile(filepath.Join(filepath.Dir(path), picture), red, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			p := mustOpen(t, path, Options{Size: 16})
			wantCaptions(t, p, want...)
			if got := firstPixel(t, p, 1); got != [3]byte{200, 0, 0} {
				t.Errorf("first pixel %v", got)
			}
		})
	}
}

func TestTarsPairByNameInAnyOrder(t *testing.T) {
	red, blue := color.NRGBA{255, 0, 0, 255}, color.NRGBA{0, 0, 255, 255}
	first := tarBytes(t,
		member{"x/0001.png", plain(t, 8, 8, red)}, member{"x/0001.txt", []byte(" one \n")},
		member{"x/0002.txt", []byte("no picture")}, member{"x/0003.png", plain(t, 8, 8, red)},
		member{"x/0003.json", []byte("{}")},
	)
	second := tarBytes(t, member{"0001.txt", []byte("two")}, member{"0001.png", plain(t, 30, 9, blue)})
	path := write(t, "b.tar", second)
	p := mustOpen(t, path, Options{Size: 4})
	wantCaptions(t, p, []string{"two"})

	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "a.tar"), first, 0o644); err != nil {
		t.Fatal(err)
	}
	p = mustOpen(t, filepath.Dir(path), Options{})
	wantCaptions(t, p, []string{"one"}, []string{"two"})
	if got := firstPixel(t, p, 1); p.Size() != DefaultSize || got != [3]byte{0, 0, 255} {
		t.Errorf("size %d, first pixel %v", p.Size(), got)
	}
}

func TestOpenRefuses(t *testing.T) {
	spoil := func(f func(m map[string]string, s map[string][]int64, d map[string][]byte)) []byte {
		return packedBytes(t, f)
	}
	whole := packedBytes(t, nil)
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"an empty file":      {nil, "empty"},
		"gzip":               {[]byte{0x1f, 0x8b, 8, 0}, "gunzip"},
		"binary":             {[]byte("a\x00b\tc\n"), "neither"},
		"a table of nothing": {[]byte("filepath\ttitle\n"), "no pictures"},
		"a missing caption":  {[]byte("a.png\tx\nb.png\n"), "line 2"},
		"an empty caption":   {[]byte("a.png\t \n"), "no caption"},
		"a truncated pool":   {whole[:len(whole)-3], "caption_bytes"},
		"a truncated header": {whole[:40], "header"},
		"a huge header":      {append([]byte{0, 0, 0, 99, 0, 0, 0, 0, '{'}, whole[9:]...), "header of"},
		"another safetensors": {spoil(func(m map[string]string, _ map[string][]int64,
			_ map[string][]byte) {
			m["format"] = "pt"
		}), "format"},
		"no images": {spoil(func(_ map[string]string, _ map[string][]int64,
			d map[string][]byte) {
			d["images"] = nil
		}), "no tensor images"},
		"a shape that overflows": {spoil(func(_ map[string]string, s map[string][]int64, _ map[string][]byte) {
			s["images"] = []int64{1 << 62, 2, 2, 3}
		}), "shape"},
		"an unknown kind": {spoil(func(_ map[string]string, _ map[string][]int64,
			d map[string][]byte) {
			d["kind"][0] = 9
		}), "kind 9"},
		"a picture without captions": {spoil(func(_ map[string]string, _ map[string][]int64, d map[string][]byte) {
			d["caption_start"][8] = 0
		}), "picture 0 has no caption"},
		"captions that go backwards": {spoil(func(_ map[string]string, _ map[string][]int64, d map[string][]byte) {
			d["caption_offset"][8] = 6
		}), "caption 1"},
		"an archive cut short": {tarBytes(t, member{"a.txt", make([]byte, 2000)})[:1024], "a.txt"},
		"an archive without pairs": {tarBytes(t, member{"a.txt", []byte("x")}, member{"b.png", []byte("x")}),
			"no picture with a caption"},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, "file", c.data)
			_, err := Open(path, Options{})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("error %v, want the path and %q", err, c.want)
			}
		})
	}
	if _, err := Open(t.TempDir(), Options{}); err == nil {
		t.Error("no error for a folder without archives")
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none"), Options{}); err == nil {
		t.Error("no error for a missing file")
	}
	if _, err := Open(write(t, "list", []byte("a\tb\n")), Options{PathColumn: "url"}); err == nil {
		t.Error("no error for a missing column")
	}
}

func TestPictureErrorsNameThePicture(t *testing.T) {
	list := mustOpen(t, write(t, "list", []byte("missing.png\tx\n")), Options{})
	archive := mustOpen(t, write(t, "a.tar", tarBytes(t,
		member{"bad.png", []byte("not a picture")}, member{"bad.txt", []byte("x")})), Options{})
	dst := make([]byte, 3*DefaultSize*DefaultSize)
	if err := list.Image(0, dst); err == nil || !strings.Contains(err.Error(), "missing.png") {
		t.Errorf("error %v", err)
	}
	if err := archive.Image(0, dst); err == nil || !strings.Contains(err.Error(), "bad.png") {
		t.Errorf("error %v", err)
	}
	pool := mustOpen(t, write(t, "pool", packedBytes(t, nil)), Options{})
	for _, p := range []Pairs{list, archive, pool} {
		if p.Image(p.Len(), dst) == nil || p.Image(-1, dst) == nil || p.Image(0, dst[:5]) == nil {
			t.Errorf("%T: no error for a picture or room that is not there", p)
		}
		if _, err := p.Captions(-1); err == nil {
			t.Errorf("%T: no error for captions that are not there", p)
		}
	}
}

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "pairs")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	list := filepath.Join(dir, "train.tsv")
	text := "filepath\ttitle\ncup.png\ta coffee cup\ncup.png\tan icon of a cup\n"
	if err := os.WriteFile(list, []byte(text), 0o644); err != nil {
		fmt.Println(err)
		return
	}
	p, err := Open(list, Options{Size: 32})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()
	captions, err := p.Captions(0)
	fmt.Printf("%d picture, captions %q, %v\n", p.Len(), captions, err)
	// Output: 1 picture, captions ["a coffee cup" "an icon of a cup"], <nil>
}

package pin

import (
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipcalib/vit"
)

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	dir := t.TempDir()
	box := vit.CropView{Box: image.Rect(1, 2, 5, 9), Flip: true}
	if err := WriteViews(dir, []View{{"a, b/1.png", 0, box, "cafe"},
		{"a, b/1.png", 3, vit.CropView{Box: image.Rect(0, 0, 1, 1)}, "cafe"}}); err != nil {
		t.Fatal(err)
	}
	v, err := ReadViews(Find(dir, ViewsFile))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := v.Crop("a, b/1.png", 0); err != nil || got != box || v.Count() != 4 || len(v.SHA256()) != 64 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := v.Crop("a, b/1.png", 1); err == nil || !strings.Contains(err.Error(), "no view 1") {
		t.Errorf("%v", err)
	}
	if err := WriteOrder(dir, []int32{3, 1, 2, 0}, 2); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadOrder(Find(dir, OrderFile)); err != nil || !slices.Equal(got, []int32{3, 1, 2, 0}) {
		t.Errorf("%v, %v", got, err)
	}
	if Find(dir, InitFile) != "" {
		t.Error("a file that is not there is found")
	}
}

func TestViewsThatMakeNoSenseAreRefused(t *testing.T) {
	head := "picture,view,left,top,width,height,flip\n"
	for name, text := range map[string]string{
		"empty": "", "no view": head, "another head": "picture,view\na,1\n", "an empty box": head + "a,0,0,0,0,4,0\n",
		"negative": head + "a,0,-1,0,4,4,0\n", "flip": head + "a,0,0,0,4,4,2\n", "twice": head +
			"a,0,0,0,4,4,0\na,0,0,0,4,4,0\n",
		"short": head + "a,0,0\n",
	} {
		path := filepath.Join(t.TempDir(), ViewsFile)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadViews(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

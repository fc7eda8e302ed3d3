package imageio

import (
	"fmt"
	"image"
	"testing"
)

// flat is a picture of one colour, transparent, so that a result shows where
// alpha comes from.
func flat(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range m.Pix {
		m.Pix[i] = []uint8{255, 1, 130, 0}[i%4]
	}
	return m
}

func TestResizeKeepsAFlatColour(t *testing.T) {
	for _, size := range [][4]int{{1, 1, 7, 5}, {9, 4, 3, 11}, {50, 3, 50, 40}, {40, 300, 39, 7}, {3, 50, 11, 50},
		{8, 8, 8, 8}} {
		for _, f := range []Filter{Bicubic, Bilinear} {
			for _, order := range []PassOrder{CurrentPillow, HorizontalFirst} {
				m := flat(size[0], size[1])
				out, err := Resize(m, m.Rect, size[2], size[3], image.Rect(0, 0, size[2], size[3]), f, order)
				if err != nil {
					t.Fatal(err)
				}
				for i, v := range out.Pix {
					if v != []uint8{255, 1, 130, 255}[i%4] {
						t.Fatalf("%v filter %d order %d: byte %d is %d", size, f, order, i, v)
					}
				}
			}
		}
	}
}

func TestCropEqualsPartOfTheWhole(t *testing.T) {
	src := image.NewNRGBA(image.Rect(0, 0, 61, 143))
	for i := range src.Pix {
		src.Pix[i] = uint8(i * i / 7)
	}
	box := image.Rect(3, 5, 58, 140)
	for _, size := range []image.Point{{40, 30}, {55, 20}, {30, 135}, {120, 200}} {
		whole, err := Resize(src, box, size.X, size.Y, image.Rectangle{Max: size}, Bicubic, CurrentPillow)
		if err != nil {
			t.Fatal(err)
		}
		crop := image.Rect(size.X/4, size.Y/3, size.X-2, size.Y-1)
		part, err := Resize(src, box, size.X, size.Y, crop, Bicubic, CurrentPillow)
		if err != nil {
			t.Fatal(err)
		}
		for y := range crop.Dy() {
			for x := range crop.Dx() {
				if part.NRGBAAt(x, y) != whole.NRGBAAt(crop.Min.X+x, crop.Min.Y+y) {
					t.Fatalf("to %v: pixel %d, %d differs", size, x, y)
				}
			}
		}
	}
}

func TestResizeRefuses(t *testing.T) {
	m := flat(4, 4)
	tests := []struct {
		name      string
		box, crop image.Rectangle
		w, h      int
	}{
		{"empty box", image.Rectangle{}, image.Rect(0, 0, 2, 2), 2, 2},
		{"box outside", image.Rect(0, 0, 5, 4), image.Rect(0, 0, 2, 2), 2, 2},
		{"no width", m.Rect, image.Rect(0, 0, 2, 2), 0, 2},
		{"negative height", m.Rect, image.Rect(0, 0, 2, 2), 2, -1},
		{"empty crop", m.Rect, image.Rectangle{}, 2, 2},
		{"crop outside", m.Rect, image.Rect(1, 1, 3, 2), 2, 2},
	}
	for _, test := range tests {
		if _, err := Resize(m, test.box, test.w, test.h, test.crop, Bicubic, CurrentPillow); err == nil {
			t.Errorf("%s: no error", test.name)
		}
	}
}

func ExampleResize() {
	photo := image.NewNRGBA(image.Rect(0, 0, 500, 375))
	// The middle 224 x 224 of the picture at 298 x 224.
	m, err := Resize(photo, photo.Rect, 298, 224, image.Rect(37, 0, 261, 224), Bicubic, CurrentPillow)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.Rect)
	// Output: (0,0)-(224,224)
}

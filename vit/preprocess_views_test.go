package vit

import (
	"bufio"
	"encoding/json"
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"os"
	"testing"
)

func TestViewsEqualTorchvision(t *testing.T) {
	f, err := os.Open("testdata/preprocess_views_golden.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cases := 0
	for lines := bufio.NewScanner(f); lines.Scan(); cases++ {
		var w, h, seed, x, y, bw, bh, size int
		var filter, want string
		var flip bool
		fields := []any{&w, &h, &seed, &x, &y, &bw, &bh, &size, &filter, &flip, &want}
		if err := json.Unmarshal(lines.Bytes(), &fields); err != nil {
			t.Fatal(err)
		}
		interpolation := Bicubic
		if filter == "bilinear" {
			interpolation = Bilinear
		}
		view := CropView{Box: image.Rect(x, y, x+bw, y+bh), Flip: flip}
		got, err := NewPreprocessor(size).View(picture(w, h, seed), view, interpolation)
		if err != nil {
			t.Fatal(err)
		}
		if hashRGB(got) != want {
			t.Errorf("%d x %d, box %v to %d, %s, flip %v: differs from torchvision's", w, h, view.Box, size, filter,
				flip)
		}
	}
	if cases < 80 {
		t.Errorf("%d cases", cases)
	}
}

func TestRandomCropIsAsDescribed(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	flips, areas, logs := 0, 0.0, 0.0
	const draws = 20000
	for range draws {
		v := RandomCropView(400, 400, r)
		if v.Box.Empty() || !v.Box.In(image.Rect(0, 0, 400, 400)) {
			t.Fatalf("box %v", v.Box)
		}
		if v.Flip {
			flips++
		}
		areas += float64(v.Box.Dx()*v.Box.Dy()) / 160000
		logs += math.Log(float64(v.Box.Dx()) / float64(v.Box.Dy()))
	}
	// Tries that do not fit are drawn again, which takes large areas away from
	// the uniform distribution's mean of 0.54; 40,000 draws of torchvision's
	// get_params on the same size gave 0.4787.
	if got := areas / draws; math.Abs(got-0.4787) > 0.01 {
		t.Errorf("mean area %.4f, want about 0.4787", got)
	}
	if got := logs / draws; math.Abs(got) > 0.01 {
		t.Errorf("mean log ratio %.4f, want about 0", got)
	}
	if flips < draws*48/100 || flips > draws*52/100 {
		t.Errorf("%d flips of %d", flips, draws)
	}
}

func TestCropsOfThinPicturesAreAllowedBoxes(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, size := range [][2]int{{1, 1}, {1, 500}, {500, 1}, {2, 3}, {1000, 10}} {
		for range 50 {
			box := RandomCropView(size[0], size[1], r).Box
			if box.Empty() || !box.In(image.Rect(0, 0, size[0], size[1])) {
				t.Errorf("%v: box %v", size, box)
			}
		}
	}
	if got, want := centredBox(30, 10), image.Rect(8, 0, 21, 10); got != want {
		t.Errorf("fallback box %v, want %v", got, want)
	}
}

func TestViewRandDependsOnAllItsArguments(t *testing.T) {
	base := ViewRand(1, "a/b.jpg", 0).Uint64()
	if ViewRand(1, "a/b.jpg", 0).Uint64() != base {
		t.Error("the same arguments give another view")
	}
	for _, other := range []*rand.Rand{ViewRand(2, "a/b.jpg", 0), ViewRand(1, "a/c.jpg", 0), ViewRand(1, "a/b.jpg",
		1)} {
		if other.Uint64() == base {
			t.Error("other arguments give the same view")
		}
	}
}

func ExamplePreprocessor_RandomView() {
	photo := image.NewNRGBA(image.Rect(0, 0, 640, 480))
	p := NewPreprocessor(224)
	for view := range 2 {
		crop, err := p.RandomView(photo, ViewRand(1, "cats/tom.jpg", view), Bilinear)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(crop.Rect)
	}
	// Output:
	// (0,0)-(224,224)
	// (0,0)-(224,224)
}

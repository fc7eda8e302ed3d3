package weights

import (
	"fmt"
	"math"
	"strings"
)

// Preprocess is what happens to a picture before the image tower sees it: RGB,
// resized, cropped or padded to a square, scaled to [0, 1], normalised by
// channel. The zero value of a field stands for OpenAI's way.
type Preprocess struct {
	Resize ResizeMode `json:"resize_mode,omitempty" yaml:"resize_mode,omitempty"`
	// what the side is resized to; 0 is the tower's input size
	Side     int  `json:"resize,omitempty" yaml:"resize,omitempty"`
	Bilinear bool `json:"bilinear,omitempty" yaml:"bilinear,omitempty"` // in place of bicubic
	// of red, green and blue, in units of the full range
	Mean [3]float32 `json:"mean,omitzero" yaml:"mean,omitempty,flow"`
	Std  [3]float32 `json:"std,omitzero" yaml:"std,omitempty,flow"` // 0 stands for OpenAI's mean and std both
	// FloorCrop starts the centre crop half a pixel lower where the margins
	// differ, as transformers does; torchvision rounds to even.
	FloorCrop bool  `json:"floor_crop,omitempty" yaml:"floor_crop,omitempty"`
	Fill      uint8 `json:"fill,omitempty" yaml:"fill,omitempty"` // value of the pixels that pad a picture to the square
}

// ResizeMode says how a picture becomes a square.
type ResizeMode uint8

// The ways of open_clip and transformers.
const (
	ResizeShortest ResizeMode = iota // the shorter side to size, then the centre is cut out
	ResizeLongest                    // the longer side to size, then padded
	ResizeSquash                     // both sides to size, whatever the proportions
)

var resizeNames = [...]string{"shortest", "longest", "squash"}

// String is open_clip's name: "shortest", "longest" or "squash".
func (m ResizeMode) String() string {
	if int(m) < len(resizeNames) {
		return resizeNames[m]
	}
	return fmt.Sprintf("ResizeMode(%d)", uint8(m))
}

// MarshalText writes the name.
func (m ResizeMode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (m *ResizeMode) UnmarshalText(text []byte) error {
	for i, name := range resizeNames {
		if name == string(text) {
			*m = ResizeMode(i)
			return nil
		}
	}
	return fmt.Errorf("resize mode %.40q: want shortest, longest or squash", text)
}

// Mean and standard deviation of the training images, from OpenAI's clip.py.
var (
	openaiMean = [3]float32{0.48145466, 0.4578275, 0.40821073}
	openaiStd  = [3]float32{0.26862954, 0.26130258, 0.27577711}
)

// ParsePreprocess reads the forms that released models want: openai, inception
// (mean and std 0.5) or imagenet, and behind commas squash or longest, and
// bilinear.
func ParsePreprocess(text string) (Preprocess, error) {
	var p Preprocess
	for i, word := range strings.Split(text, ",") {
		switch {
		case i == 0 && word == "openai":
		case i == 0 && word == "inception":
			p.Mean, p.Std = [3]float32{0.5, 0.5, 0.5}, [3]float32{0.5, 0.5, 0.5}
		case i == 0 && word == "imagenet":
			p.Mean, p.Std = [3]float32{0.485, 0.456, 0.406}, [3]float32{0.229, 0.224, 0.225}
		case i > 0 && word == "bilinear":
			p.Bilinear = true
		case i > 0 && (word == "squash" || word == "longest"):
			if err := p.Resize.UnmarshalText([]byte(word)); err != nil {
				return p, err
			}
		default:
			return p, fmt.Errorf("%.40q in %.80q: want openai, inception or imagenet, and behind commas squash, longest or "+
				"bilinear", word, text)
		}
	}
	return p, nil
}

// Normalization returns mean and standard deviation, OpenAI's where p names
// none.
func (p Preprocess) Normalization() (mean, std [3]float32) {
	if p.Std == [3]float32{} {
		return openaiMean, openaiStd
	}
	return p.Mean, p.Std
}

// check refuses what no picture can be normalised by.
func (p Preprocess) check() error {
	mean, std := p.Normalization()
	for i := range mean {
		m, s := float64(mean[i]), float64(std[i])
		if math.IsNaN(m) || math.IsInf(m, 0) || math.IsNaN(s) || math.IsInf(s, 0) || s <= 0 {
			return fmt.Errorf("mean %v and std %v do not normalise: want finite numbers, and std above 0", mean, std)
		}
	}
	if p.Side < 0 || int(p.Resize) >= len(resizeNames) {
		return fmt.Errorf("resize to %d (%s) is not possible", p.Side, p.Resize)
	}
	return nil
}

// String says in words what is done, for a tower of the given input size.
func (p Preprocess) String() string {
	mean, std := p.Normalization()
	kernel := "bicubic"
	if p.Bilinear {
		kernel = "bilinear"
	}
	text := fmt.Sprintf("%s side, %s", p.Resize, kernel)
	if p.Resize == ResizeSquash {
		text = "squash, " + kernel
	}
	if p.Side > 0 {
		text += fmt.Sprintf(", resize %d", p.Side)
	}
	if p.FloorCrop {
		text += ", transformers' crop"
	}
	return fmt.Sprintf("%s, mean %v, std %v", text, mean, std)
}

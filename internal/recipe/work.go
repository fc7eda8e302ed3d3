package recipe

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"clipcalib/internal/data/catalog"
)

// Count is how many classes and pictures a set has: of its test part, and of its
// training part per class at most.
type Count struct{ Classes, Test, PerClass int }

// RealCount is that of the published set.
func RealCount(name string) (Count, error) {
	s, err := catalog.Find(name)
	if err != nil {
		return Count{}, err
	}
	c := Count{Classes: s.Classes, Test: s.Counts[catalog.Test], PerClass: s.Counts[catalog.Train] / s.Classes}
	if c.Test == 0 {
		c.Test = s.Counts[catalog.Val] // ImageNet is measured on its validation pictures
	}
	return c, nil
}

// Work is the arithmetic of a recipe's cells, two operations a multiply-add.
type Work struct {
	// Encode is what all cells of a model and data share, since features are kept:
	// operations by what is encoded.
	Encode   map[string]float64
	Pictures map[string]int      // that Encode encodes, views among them
	Needs    map[string][]string // by recipe, what of Encode it needs
	Cells    []CellWork
	Memory   float64 // bytes, about, of the largest cell
}

// CellWork is the arithmetic of one cell beyond what is shared.
type CellWork struct {
	Cell
	Train, Test float64 // operations
	Views       int     // pictures that it encodes by itself
}

// size is a model's arithmetic.
type size struct {
	image      float64 // operations of a picture
	node       float64 // of a token of the text tower
	dim, width float64 // joint width, and the text tower's
	parameters float64
}

// sizes are those of the paper's models, at 224 pixels.
var sizes = map[string]size{
	"RN50": {image: resNet([]int{3, 4, 6, 3}, 64, 1024), node: textNode(512), dim: 1024, width: 512,
		parameters: 102e6},
	"ViT-B/16": {image: visionTransformer(197, 768, 12, 512), node: textNode(512), dim: 512, width: 512,
		parameters: 150e6},
}

// resNet is the arithmetic of CLIP's ResNet: a stem of three convolutions,
// bottlenecks, and attention pooling with one query.
func resNet(blocks []int, width, dim float64) float64 {
	macs, in, side := 0.0, width, 56.0
	macs += 112 * 112 * 9 * (3*width/2 + width/2*width/2 + width/2*width)
	for stage, n := range blocks {
		planes := width * math.Pow(2, float64(stage))
		for i := range n {
			from := side
			if i == 0 && stage > 0 {
				side /= 2
			}
			macs += from*from*(in*planes+9*planes*planes) + side*side*planes*4*planes
			if i == 0 {
				macs += side * side * in * 4 * planes
			}
			in = 4 * planes
		}
	}
	tokens := side*side + 1
	macs += 2*tokens*in*in + in*in + in*dim // keys and values, the query, the output
	return 2 * macs
}

func visionTransformer(tokens, width, layers, dim float64) float64 {
	macs := tokens*3*16*16*width + layers*(tokens*12*width*width+2*tokens*tokens*width) + width*dim
	return 2 * macs
}

func textNode(width float64) float64 { return 2 * 12 * 12 * width * width }

// nodesPerClass is how many tokens of a class's prompt are its own: the 1,000
// names of ImageNet in "a photo of a {}." are 4,008 nodes of the token trie.
const nodesPerClass = 4

// WorkOf is the arithmetic of a recipe. Counts tells the sets' sizes.
func WorkOf(r Recipe, counts func(set string) (Count, error)) (Work, error) {
	w := Work{Encode: map[string]float64{}, Pictures: map[string]int{}, Needs: map[string][]string{}}
	m, ok := sizes[r.Weights()]
	if !ok {
		return w, fmt.Errorf("%s: no arithmetic is known of %s", r.ID, r.Weights())
	}
	targets := map[string]Count{}
	for _, name := range r.Sets() {
		c, err := counts(name)
		if err != nil {
			return w, err
		}
		targets[name] = c
	}
	text := func(classes int) float64 { return nodesPerClass * float64(classes) * m.node }
	encodes := func(key string, pictures int) {
		w.Pictures[key], w.Encode[key] = pictures, float64(pictures)*m.image
		w.Needs[r.ID] = append(w.Needs[r.ID], key)
	}
	t := trainingOf(r, m, targets[r.Source()])
	if r.Command != Tune {
		for _, name := range r.Targets() {
			encodes(r.Weights()+" "+name, targets[name].Test)
		}
	}
	if t.views > 0 {
		encodes(fmt.Sprintf("%s %s, %d views of %d shots", r.Weights(), r.Source(), t.views, t.shots), t.views*t.shots)
	}
	w.Memory = 4*m.parameters + t.memory
	for _, cell := range r.Cells() {
		c := CellWork{Cell: cell, Train: t.operations}
		if cell.Remedy == "sals" && slices.Contains(r.Remedies(), "none") {
			c.Train = 0 // its parameters are those without a remedy
		}
		for _, name := range r.Targets() {
			n, k := float64(targets[name].Test), targets[name].Classes
			w.Memory = max(w.Memory, 4*m.parameters+4*(n*m.dim+2*n*float64(k)))
			switch {
			case r.Command == Tune:
				// All views, then the prompt forth, back and, tuned, forth again.
				c.Views += 64 * targets[name].Test
				c.Test += n * (64*m.image + 3*text(k))
			case cell.Method == "cocoop":
				c.Test += n * text(k)
			case cell.Method == "maple":
				c.Views += targets[name].Test
				c.Test += n*m.image + text(k)
			default:
				c.Test += 2*n*float64(k)*m.dim + text(k)
			}
		}
		w.Cells = append(w.Cells, c)
	}
	return w, nil
}

// training is the arithmetic of one training.
type training struct {
	operations, memory float64
	shots, views       int // pictures, and views of each that are encoded before
}

func trainingOf(r Recipe, m size, source Count) (t training) {
	if r.Command != Adapt {
		return t
	}
	perClass, _ := strconv.Atoi(strings.Join(r.Values("shots"), ""))
	t.shots = source.Classes * min(perClass, source.PerClass)
	k := float64(source.Classes)
	text := nodesPerClass * k * m.node
	steps := func(epochs, batch int) float64 {
		return float64(number(r, "epochs", epochs) * max(1, t.shots/number(r, "batch", batch)))
	}
	method := r.Methods[0]
	t.views = 20
	// The text tower's activations for the way back: about 24 values a unit of width.
	activations := 4 * 24 * 12 * nodesPerClass * k * m.width
	switch method {
	case "tip-adapter-f": // affinities to every key, forth and twice back
		t.views = 1
		t.operations = steps(300, 256) * 3 * 2 * 256 * (k + float64(t.shots)) * m.dim
		t.memory = 4 * m.dim * float64(t.shots) * 4
	case "taskres", "zslp", "clap", "clip-adapter":
		t.operations = steps(300, 256) * 3 * 2 * 256 * k * m.dim
	case "coop", "kgcoop": // the frozen tower forth and back
		t.operations, t.memory = steps(50, 32)*2*text, activations
	case "prograd": // back twice, for two losses
		t.operations, t.memory = steps(50, 32)*3*text, activations
	case "cocoop": // every picture has prompts of its own
		t.operations, t.memory = steps(10, 1)*2*text, activations
	case "maple": // pictures pass the tower in every step
		t.views = 0
		t.operations, t.memory = steps(2, 4)*2*(text+4*m.image), activations
	}
	if slices.Contains(r.Values("views"), "-1") {
		t.views = min(t.views, 1)
	}
	t.memory += 4 * m.dim * float64(t.shots*t.views)
	return t
}

// number is a flag's whole number, or the method's own.
func number(r Recipe, flag string, usual int) int {
	if v, err := strconv.Atoi(strings.Join(r.Values(flag), "")); err == nil && v > 0 {
		return v
	}
	return usual
}

// Add adds another recipe's work; what both encode counts once.
func (w *Work) Add(o Work) {
	if w.Encode == nil {
		w.Encode, w.Pictures, w.Needs = map[string]float64{}, map[string]int{}, map[string][]string{}
	}
	maps.Copy(w.Needs, o.Needs)
	for key, v := range o.Encode {
		w.Encode[key], w.Pictures[key] = v, o.Pictures[key]
	}
	w.Cells = append(w.Cells, o.Cells...)
	w.Memory = max(w.Memory, o.Memory)
}

// Operations is all of it.
func (w Work) Operations() (sum float64) {
	for _, v := range w.Encode {
		sum += v
	}
	for _, c := range w.Cells {
		sum += c.Train + c.Test
	}
	return sum
}

// Shown is how many pictures pass the image tower, views among them.
func (w Work) Shown() (n int) {
	for _, v := range w.Pictures {
		n += v
	}
	for _, c := range w.Cells {
		n += c.Views
	}
	return n
}

// Duration words seconds for people.
func Duration(s float64) string {
	switch {
	case s < 60:
		return fmt.Sprintf("%.0f s", s)
	case s < 3600:
		return fmt.Sprintf("%.0f min", s/60)
	case s < 48*3600:
		return fmt.Sprintf("%.1f h", s/3600)
	}
	return fmt.Sprintf("%.1f days", s/86400)
}

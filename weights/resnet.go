package weights

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// resNetStride is the side in pixels of what one position of the last stage
// stands for: the stem halves the picture twice, stages 2 to 4 once each.
const resNetStride = 32

// resNetFamilies are the modified ResNets that OpenAI published.
var resNetFamilies = []struct {
	name   string
	width  int
	stages [4]int
	image  int
}{
	{"RN50", 64, [4]int{3, 4, 6, 3}, 224},
	{"RN101", 64, [4]int{3, 4, 23, 3}, 224},
	{"RN50x4", 80, [4]int{4, 6, 10, 6}, 288},
	{"RN50x16", 96, [4]int{6, 8, 18, 8}, 384},
	{"RN50x64", 128, [4]int{3, 15, 36, 10}, 448},
}

// ResNet reports whether the tower is CLIP's modified ResNet, not a vision
// transformer.
func (c VisionConfig) ResNet() bool { return c.Stages != [4]int{} }

// kind says in words what the tower is.
func (c VisionConfig) kind() string {
	if c.ResNet() {
		return "a ResNet"
	}
	return "a vision transformer"
}

// FeatureWidth is the size of what the head of the tower projects: a token of a
// transformer, a position of a ResNet's last stage.
func (c VisionConfig) FeatureWidth() int {
	if c.ResNet() {
		return resNetStride * c.Width
	}
	return c.Width
}

// resNetArchitecture is the usual name, such as "RN50x4". One that OpenAI does
// not have reads "RN-2.2.2.2x16": blocks by width.
func (c VisionConfig) resNetArchitecture() string {
	name, image := fmt.Sprintf("RN-%d.%d.%d.%dx%d", c.Stages[0], c.Stages[1], c.Stages[2], c.Stages[3], c.Width), 224
	for _, f := range resNetFamilies {
		if f.width == c.Width && f.stages == c.Stages {
			name, image = f.name, f.image
		}
	}
	if c.ImageSize != image {
		name += fmt.Sprintf("@%dpx", c.ImageSize)
	}
	return name
}

// Bottleneck is one block of a modified ResNet: a convolution 1x1, one of 3x3
// and one of 1x1 again, around which the block's input is added.
type Bottleneck struct {
	Name   string // of its parameters, "visual.layer1.0"
	In     int    // channels that come in
	Planes int    // channels between the convolutions; 4 * Planes go out
	// Halve says that the picture's side is halved behind the 3x3 convolution.
	Halve bool
	// Project says that the input is projected (and halved) before it is added.
	Project bool
}

// Bottlenecks lists the blocks of a modified ResNet in order.
func (c VisionConfig) Bottlenecks() []Bottleneck {
	var out []Bottleneck
	in := c.Width
	for s, blocks := range c.Stages {
		planes := c.Width << s
		for i := range blocks {
			out = append(out, Bottleneck{Name: fmt.Sprintf("visual.layer%d.%d", s+1, i), In: in, Planes: planes,
				Halve: i == 0 && s > 0, Project: i == 0})
			in = 4 * planes
		}
	}
	return out
}

// resNetParameters lists the parameters of a modified ResNet. The statistics of
// its batch norms are among them: a model without is not whole.
func (c Config) resNetParameters() []Parameter {
	v := c.Vision
	var ps []Parameter
	conv := func(conv, norm string, out, in, side int) {
		ps = append(ps, Parameter{conv + ".weight", []int{out, in, side, side}})
		for _, kind := range []string{".weight", ".bias", runningMean, runningVar} {
			ps = append(ps, Parameter{norm + kind, []int{out}})
		}
	}
	conv("visual.conv1", "visual.bn1", v.Width/2, 3, 3)
	conv("visual.conv2", "visual.bn2", v.Width/2, v.Width/2, 3)
	conv("visual.conv3", "visual.bn3", v.Width, v.Width/2, 3)
	for _, b := range v.Bottlenecks() {
		conv(b.Name+".conv1", b.Name+".bn1", b.Planes, b.In, 1)
		conv(b.Name+".conv2", b.Name+".bn2", b.Planes, b.Planes, 3)
		conv(b.Name+".conv3", b.Name+".bn3", 4*b.Planes, b.Planes, 1)
		if b.Project {
			conv(b.Name+".downsample.0", b.Name+".downsample.1", 4*b.Planes, b.In, 1)
		}
	}
	w := v.FeatureWidth()
	ps = append(ps, Parameter{resNetPositions, []int{v.Grid()*v.Grid() + 1, w}})
	for _, name := range []string{"q_proj", "k_proj", "v_proj", "c_proj"} {
		out := w
		if name == "c_proj" {
			out = c.EmbedDim
		}
		ps = append(ps, Parameter{"visual.attnpool." + name + ".weight", []int{out, w}},
			Parameter{"visual.attnpool." + name + ".bias", []int{out}})
	}
	return ps
}

const (
	resNetPositions = "visual.attnpool.positional_embedding"
	runningMean     = ".running_mean"
	runningVar      = ".running_var"
	batchesTracked  = ".num_batches_tracked" // a count that inference has no use for
)

// IsCounter reports whether a tensor is a batch norm's count of the batches it
// was trained on, which no feature depends on.
func IsCounter(name string) bool { return strings.HasSuffix(name, batchesTracked) }

// isStatistic reports whether a name is that of a batch norm's statistics,
// which nobody counts as parameters.
func isStatistic(name string) bool {
	return strings.HasSuffix(name, runningMean) || strings.HasSuffix(name, runningVar)
}

// resNetRows is the part of the name table that only modified ResNets have;
// transformers has no such tower.
func resNetRows() []nameRow {
	var rows []nameRow
	add := func(names ...string) {
		for _, n := range names {
			rows = append(rows, nameRow{openai: n})
		}
	}
	conv := func(conv, norm string) {
		add(norm+".weight", norm+".bias", norm+runningMean, norm+runningVar)
		if conv != "visual.conv1" { // a vision transformer has it, too
			add(conv + ".weight")
		}
	}
	for _, i := range []string{"1", "2", "3"} {
		conv("visual.conv"+i, "visual.bn"+i)
	}
	for _, s := range []string{"1", "2", "3", "4"} {
		stage := "visual.layer" + s + "."
		for _, i := range []string{"1", "2", "3"} {
			conv(stage+"{i}.conv"+i, stage+"{i}.bn"+i)
		}
		conv(stage+"0.downsample.0", stage+"0.downsample.1")
	}
	add(resNetPositions)
	for _, name := range []string{"q_proj", "k_proj", "v_proj", "c_proj"} {
		add("visual.attnpool."+name+".weight", "visual.attnpool."+name+".bias")
	}
	return rows
}

// hasResNet reports whether a model's image tower is a modified ResNet.
func (c *Checkpoint) hasResNet() bool {
	return slices.ContainsFunc(c.view.Names(), func(name string) bool {
		return strings.HasPrefix(name, "visual.layer") || strings.HasPrefix(name, "visual.attnpool.")
	})
}

// inferResNet reads the sizes of a modified ResNet off its tensors.
func (c *Checkpoint) inferResNet() error {
	v := &c.Config.Vision
	conv, err := c.dims("visual.conv3.weight", -1, -1, 3, 3)
	if err != nil {
		return err
	}
	if v.Width = conv[0]; v.Width == 0 || v.Width%2 != 0 {
		return fmt.Errorf("%s: visual.conv3.weight has shape %s, want an even number of channels", c.file.name,
			shapeString(conv))
	}
	for s := range v.Stages {
		if v.Stages[s], err = c.blocksUnder(fmt.Sprintf("visual.layer%d.", s+1)); err != nil {
			return err
		}
		v.Layers += v.Stages[s]
	}
	pos, err := c.dims(resNetPositions, -1, resNetStride*v.Width)
	if err != nil {
		return err
	}
	grid := int(math.Sqrt(float64(max(pos[0]-1, 0))) + 0.5)
	if grid*grid != pos[0]-1 || grid == 0 {
		return fmt.Errorf("%s: %s has shape %s, want one row more than a square number", c.file.name, resNetPositions,
			shapeString(pos))
	}
	v.ImageSize = grid * resNetStride
	proj, err := c.dims("visual.attnpool.c_proj.weight", -1, resNetStride*v.Width)
	if err != nil {
		return fmt.Errorf("%w: without it the features are outside the space shared with texts", err)
	}
	c.Config.EmbedDim = proj[0]
	return nil
}

// blocksUnder counts the blocks of a stage: one more than the highest number,
// so that one missing in between is noticed.
func (c *Checkpoint) blocksUnder(stage string) (int, error) {
	count := 0
	for name := range c.view.params {
		var i int
		if n, _ := fmt.Sscanf(name, stage+"%d.", &i); n == 1 {
			count = max(count, i+1)
		}
	}
	if count == 0 {
		return 0, c.view.Check(stage+"0.conv1.weight", -1, -1, 1, 1)
	}
	return count, nil
}

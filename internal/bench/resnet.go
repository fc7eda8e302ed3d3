package bench

import "clipcalib/weights"

// resNet is the configuration of one of OpenAI's modified ResNets.
func resNet(image, width int, stages [4]int, dim, text int) weights.Config {
	c := size(32, 32, 64, 12, dim, text)
	v := weights.VisionConfig{ImageSize: image, Width: width, Stages: stages}
	for _, n := range stages {
		v.Layers += n
	}
	v.Heads = v.FeatureWidth() / 64
	c.Vision = v
	return c
}

// resNetWork is the work of a batch of images by a modified ResNet. Values are
// counted as the operations read and write them: a convolution of 3x3 reads its
// input once.
func resNetWork(c weights.Config, batch int) work {
	v := c.Vision
	side := float64(v.ImageSize)
	var sum work
	// conv is to pictures of that side; extra values are read beside the input.
	conv := func(side, in, out, area, extra float64) {
		rows := float64(batch) * side * side
		sum = sum.plus(work{products: 2 * rows * area * in * out, values: rows * (in + out + extra),
			weights: area * in * out})
	}
	pool := func(side, channels float64) { sum.values += float64(batch) * side * side * channels * 1.25 }
	w := float64(v.Width)
	side /= 2
	conv(side, 3, w/2, 9, 9) // of a picture of twice the side
	conv(side, w/2, w/2, 9, 0)
	conv(side, w/2, w, 9, 0)
	pool(side, w)
	side /= 2
	for _, b := range v.Bottlenecks() {
		in, planes := float64(b.In), float64(b.Planes)
		conv(side, in, planes, 1, 0)
		conv(side, planes, planes, 9, 0)
		if b.Halve {
			pool(side, in+planes)
			side /= 2
		}
		if b.Project {
			conv(side, in, 4*planes, 1, 0)
		}
		conv(side, planes, 4*planes, 1, 4*planes)
	}
	return sum.plus(poolWork(c, float64(batch)))
}

// poolWork is the work of the attention pooling by one query, in the order of
// engine.QueryPooler, which has the fewest operations; the weight of keys and values
// meets one vector a head each.
func poolWork(c weights.Config, images float64) work {
	w, positions := float64(c.Vision.FeatureWidth()), float64(c.Vision.Grid()*c.Vision.Grid()+1)
	heads, rows := float64(c.Vision.Heads), images*positions
	return work{
		products:  2 * (3*images*w*w + images*w*float64(c.EmbedDim)),
		attention: 4 * rows * heads * w,
		values:    2*rows*w + rows*w + images*((2*heads+4)*w+float64(c.EmbedDim)),
		weights:   3*w*w + w*float64(c.EmbedDim),
	}
}

package imagetower

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"clipcalib/internal/engine"
	"clipcalib/internal/tower"
	"clipcalib/weights"
)

// Load puts the image tower of a checkpoint on the engine, frozen, in the form
// that the graphs of this package want.
func Load(e engine.Engine, v weights.View, c weights.Config) (*tower.Weights, error) {
	if c.Vision.ResNet() {
		return loadResNet(e, v, c)
	}
	var params []weights.Parameter
	for _, p := range c.Parameters() {
		if strings.HasPrefix(p.Name, "visual.") {
			params = append(params, p)
		}
	}
	w, err := tower.Load(e, v, params)
	if err != nil {
		return nil, err
	}
	if err := w.Pad("visual.conv1.weight"); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// resNetLoader reads a modified ResNet: every convolution with its batch norm
// folded in, keys and values of the attention pooling in one matrix.
type resNetLoader struct {
	view weights.View
	w    *tower.Weights
}

func loadResNet(e engine.Engine, v weights.View, c weights.Config) (*tower.Weights, error) {
	l := resNetLoader{v, tower.NewWeights(e)}
	if err := l.load(c); err != nil {
		l.w.Close()
		return nil, err
	}
	for _, name := range l.w.Names() {
		e.Freeze(l.w.Tensor(name))
	}
	return l.w, nil
}

func (l resNetLoader) load(c weights.Config) error {
	v := c.Vision
	err := l.conv("visual.conv1", "visual.bn1", v.Width/2, 3, 3, engine.Padded(l.w.Engine, 3))
	err = then(err, func() error { return l.conv("visual.conv2", "visual.bn2", v.Width/2, v.Width/2, 3, v.Width/2) })
	err = then(err, func() error { return l.conv("visual.conv3", "visual.bn3", v.Width, v.Width/2, 3, v.Width/2) })
	for _, b := range v.Bottlenecks() {
		err = then(err, func() error { return l.bottleneck(b) })
	}
	return then(err, func() error { return l.pool(c) })
}

// then is err, or that of f.
func then(err error, f func() error) error {
	if err != nil {
		return err
	}
	return f()
}

func (l resNetLoader) bottleneck(b weights.Bottleneck) error {
	n := b.Name
	err := l.conv(n+".conv1", n+".bn1", b.Planes, b.In, 1, b.In)
	err = then(err, func() error { return l.conv(n+".conv2", n+".bn2", b.Planes, b.Planes, 3, b.Planes) })
	err = then(err, func() error { return l.conv(n+".conv3", n+".bn3", 4*b.Planes, b.Planes, 1, b.Planes) })
	if !b.Project {
		return err
	}
	return then(err, func() error { return l.conv(n+".downsample.0", n+".downsample.1", 4*b.Planes, b.In, 1, b.In) })
}

// batchNormEps is PyTorch's.
const batchNormEps = 1e-5

// conv adds a convolution with its batch norm folded in, in float64: weight
// [out, side*side*wide] in the order row, column, channel, channels behind the
// first in being zeros, and bias [out].
func (l resNetLoader) conv(name, norm string, out, in, side, wide int) error {
	kernel, err := l.view.Get(name+".weight", out, in, side, side)
	if err != nil {
		return err
	}
	var gain, shift, mean, variance []float32
	for kind, dst := range map[string]*[]float32{".weight": &gain, ".bias": &shift, ".running_mean": &mean,
		".running_var": &variance} {
		if *dst, err = l.view.Get(norm+kind, out); err != nil {
			return err
		}
	}
	if i := slices.IndexFunc(variance, func(v float32) bool { return v < 0 }); i >= 0 {
		return fmt.Errorf("%s.running_var holds %g: a variance is never below 0", norm, variance[i])
	}
	area := side * side
	weight, bias := make([]float32, out*area*wide), make([]float32, out)
	for o := range out {
		scale := float64(gain[o]) / math.Sqrt(float64(variance[o])+batchNormEps)
		bias[o] = float32(float64(shift[o]) - float64(mean[o])*scale)
		for i := range in {
			for k := range area {
				weight[(o*area+k)*wide+i] = float32(float64(kernel[(o*in+i)*area+k]) * scale)
			}
		}
	}
	return l.add(name, weight, bias, area*wide)
}

// add adds a matrix of rows of the given length and its bias.
func (l resNetLoader) add(name string, weight, bias []float32, columns int) error {
	err := l.w.Add(weights.Parameter{Name: name + ".weight", Shape: []int{len(bias), columns}}, weight)
	return then(err, func() error {
		return l.w.Add(weights.Parameter{Name: name + ".bias", Shape: []int{len(bias)}}, bias)
	})
}

// pool adds the attention pooling.
func (l resNetLoader) pool(c weights.Config) error {
	const pool = "visual.attnpool."
	w := c.Vision.FeatureWidth()
	positions, err := l.view.Get(pool+"positional_embedding", -1, w)
	if err == nil {
		shape := []int{len(positions) / w, w}
		err = l.w.Add(weights.Parameter{Name: pool + "positional_embedding", Shape: shape}, positions)
	}
	matrices := []struct {
		to   string
		from []string
	}{{"q_proj", []string{"q_proj"}}, {"kv_proj", []string{"k_proj", "v_proj"}}, {"c_proj", []string{"c_proj"}}}
	for _, m := range matrices {
		var weight, bias []float32
		for _, name := range m.from {
			var part [2][]float32
			if err == nil {
				part[0], err = l.view.Get(pool+name+".weight", -1, w)
			}
			if err == nil {
				part[1], err = l.view.Get(pool+name+".bias", len(part[0])/w)
			}
			weight, bias = append(weight, part[0]...), append(bias, part[1]...)
		}
		err = then(err, func() error { return l.add(pool+m.to, weight, bias, w) })
	}
	return err
}

package bench

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"clipcalib/weights"

	"golang.org/x/sync/errgroup"
)

// configs are the published ViT sizes at 224 pixels, the published ResNets, and
// one of two blocks that tries the benchmark itself.
var configs = map[string]weights.Config{
	"ViT-B/32": size(224, 32, 768, 12, 512, 512),
	"ViT-B/16": size(224, 16, 768, 12, 512, 512),
	"ViT-L/14": size(224, 14, 1024, 24, 768, 768),
	"RN50":     resNet(224, 64, [4]int{3, 4, 6, 3}, 1024, 512),
	"RN101":    resNet(224, 64, [4]int{3, 4, 23, 3}, 512, 512),
	"RN50x4":   resNet(288, 80, [4]int{4, 6, 10, 6}, 640, 640),
	"RN50x16":  resNet(384, 96, [4]int{6, 8, 18, 8}, 768, 768),
	"RN50x64":  resNet(448, 128, [4]int{3, 15, 36, 10}, 1024, 1024),
	"tiny":     size(32, 16, 64, 2, 64, 64),
}

func size(image, patch, width, layers, dim, text int) weights.Config {
	return weights.Config{
		EmbedDim: dim,
		Vision: weights.VisionConfig{ImageSize: image, Patch: patch, Width: width, Layers: layers, Heads: width / 64,
			MLP: 4 * width},
		Text: weights.TextConfig{Context: 77, Vocab: 49408, Width: text, Layers: min(12, layers), Heads: text / 64,
			MLP: 4 * text},
		Activation: weights.QuickGELU,
		LogitScale: float32(math.Log(100)),
	}
}

// Models lists the sizes by name.
func Models() []string { return slices.Sorted(maps.Keys(configs)) }

// Config returns a size by name.
func Config(name string) (weights.Config, error) {
	for known, c := range configs {
		if strings.EqualFold(known, name) {
			return c, nil
		}
	}
	return weights.Config{}, fmt.Errorf("model %q is unknown: choose %s", name, strings.Join(Models(), ", "))
}

// Random opens a model of the given size with seeded random weights. They are
// written to a temporary file, which is removed, so that loading is the real
// thing.
func Random(c weights.Config) (*weights.Checkpoint, error) {
	dir, err := os.MkdirTemp("", "clipcalib-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "random.safetensors")
	if err := WriteRandom(path, c); err != nil {
		return nil, err
	}
	return weights.OpenCLIP(path, weights.Options{})
}

// WriteRandom writes the model that Random opens, in half precision: evenly
// distributed weights of standard deviation 0.02, norms of 1.
func WriteRandom(path string, c weights.Config) error {
	parameters := c.Parameters()
	tensors := make([]weights.NamedTensor, len(parameters))
	var g errgroup.Group
	for i, p := range parameters {
		g.Go(func() error {
			tensors[i] = weights.NamedTensor{Name: p.Name, Shape: p.Shape, DType: weights.F16, Data: make([]float32,
				p.Len())}
			fill(tensors[i].Data, p.Name, c.LogitScale, rand.New(rand.NewPCG(1, uint64(i))))
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return weights.WriteSafetensors(path, tensors, c.Metadata())
}

func fill(data []float32, name string, logitScale float32, r *rand.Rand) {
	const width = 0.02 * 2 * 1.7320508 // of an even distribution of standard deviation 0.02
	constant := float32(0)
	switch {
	case name == "logit_scale":
		constant = logitScale
	case strings.Contains(name, "ln_") && strings.HasSuffix(name, "weight"), isBatchNorm(name) &&
		(strings.HasSuffix(name, ".weight") || strings.HasSuffix(name, ".running_var")):
		constant = 1
	}
	for i := range data {
		if data[i] = constant; constant == 0 {
			data[i] = width * (r.Float32() - 0.5)
		}
	}
}

// isBatchNorm says whether a parameter is that of a ResNet's batch norm.
func isBatchNorm(name string) bool {
	return strings.Contains(name, ".bn") || strings.Contains(name, ".downsample.1.")
}

// kept is Random with its file kept in a folder, for the next run. The name says
// all that the weights depend on.
func kept(dir, name string, c weights.Config) (*weights.Checkpoint, error) {
	path := filepath.Join(dir, "random-1-"+strings.ReplaceAll(name, "/", "_")+".safetensors")
	if _, err := os.Stat(path); err != nil {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
		if err := WriteRandom(path, c); err != nil {
			return nil, err
		}
	}
	return weights.OpenCLIP(path, weights.Options{})
}

// openModels opens random models, of which the files are kept in dir, if it is
// not empty.
func openModels(names []string, dir string) ([]*weights.Checkpoint, error) {
	var out []*weights.Checkpoint
	for _, name := range names {
		c, err := Config(name)
		if err != nil {
			closeAll(out)
			return nil, err
		}
		var ck *weights.Checkpoint
		if dir != "" {
			ck, err = kept(dir, name, c)
		} else {
			ck, err = Random(c)
		}
		if err != nil {
			closeAll(out)
			return nil, fmt.Errorf("random weights of %s: %w", name, err)
		}
		out = append(out, ck)
	}
	return out, nil
}

func closeAll(models []*weights.Checkpoint) {
	for _, m := range models {
		m.Close()
	}
}

package weights

import (
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// resNet is a model of testdata/resnet_shapes.txt.gz.
type resNet struct {
	name                                string
	image, embed, total, vision, others int
	names                               []string
	shapes                              map[string][]int
}

func resNets(t *testing.T) []resNet {
	t.Helper()
	f, err := os.Open(fixture("resnet_shapes.txt.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	var all []resNet
	for line := range strings.Lines(string(text)) {
		if line[0] != ' ' {
			m := resNet{shapes: map[string][]int{}}
			if _, err := fmt.Sscan(line, &m.name, &m.image, &m.embed, &m.total, &m.vision, &m.others); err != nil {
				t.Fatal(err)
			}
			all = append(all, m)
			continue
		}
		m, words := &all[len(all)-1], strings.Fields(line)
		shape := []int{}
		for _, w := range words[1:] {
			d, err := strconv.Atoi(w)
			if err != nil {
				t.Fatal(err)
			}
			shape = append(shape, d)
		}
		m.names, m.shapes[words[0]] = append(m.names, words[0]), shape
	}
	return all
}

// write writes a file with the model's header and a hole for its numbers.
func (m resNet) write(t *testing.T, path string) {
	t.Helper()
	header, at := map[string]any{}, 0
	for _, name := range m.names {
		dtype, n := "F16", 2*Parameter{Shape: m.shapes[name]}.Len()
		if strings.HasSuffix(name, batchesTracked) {
			dtype, n = "I64", 8
		}
		header[name] = map[string]any{"dtype": dtype, "shape": m.shapes[name], "data_offsets": []int{at, at + n}}
		at += n
	}
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	head := append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)
	if err := os.WriteFile(path, head, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, int64(len(head)+at)); err != nil {
		t.Fatal(err)
	}
}

func TestPublishedResNetsAreInferredFromShapes(t *testing.T) {
	stages := map[string][4]int{"RN50": {3, 4, 6, 3}, "RN101": {3, 4, 23, 3}, "RN50x4": {4, 6, 10, 6},
		"RN50x16": {6, 8, 18, 8}, "RN50x64": {3, 15, 36, 10}}
	heads := map[string][2]int{"RN50": {32, 8}, "RN101": {32, 8}, "RN50x4": {40, 10}, "RN50x16": {48, 12},
		"RN50x64": {64, 16}}
	models := resNets(t)
	if len(models) != len(stages) {
		t.Fatalf("%d models", len(models))
	}
	for _, m := range models {
		t.Run(m.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "model.safetensors")
			m.write(t, path)
			c, err := OpenCLIP(path, Options{Activation: QuickGELU, Preprocess: &Preprocess{}})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			v := c.Config.Vision
			if got := c.Config.Architecture(); got != m.name {
				t.Errorf("architecture %q", got)
			}
			if !v.ResNet() || v.Stages != stages[m.name] || v.ImageSize != m.image || c.Config.EmbedDim != m.embed ||
				[2]int{v.Heads, c.Config.Text.Heads} != heads[m.name] {
				t.Errorf("configuration %+v", c.Config)
			}
			if total, vision, others := c.Config.Count(); total != int64(m.total) || vision != int64(m.vision) ||
				others != int64(m.others) {
				t.Errorf("%d, %d and %d parameters, PyTorch has %d, %d and %d", total, vision, others, m.total,
					m.vision, m.others)
			}
			for _, p := range c.Config.Parameters() {
				if !sameShape(m.shapes[p.Name], p.Shape) {
					t.Errorf("%s has shape %v, PyTorch's %v", p.Name, p.Shape, m.shapes[p.Name])
				}
				delete(m.shapes, p.Name)
			}
			for name := range m.shapes { // what is not read
				if !strings.HasSuffix(name, batchesTracked) {
					t.Errorf("%s is not read", name)
				}
			}
		})
	}
}

func TestResNetThatDoesNotFitIsRefused(t *testing.T) {
	const rn50 = `{"model_cfg":{"embed_dim":1024,"quick_gelu":true,"vision_cfg":{"image_size":224,"layers":[3,4,6,3],` +
		`"width":64,"patch_size":null},"text_cfg":{"context_length":77,"vocab_size":49408,` +
		`"width":512,"heads":8,"layers":12}}}`
	for _, c := range []struct {
		name, config, want string
		edit               func(m *resNet)
	}{
		{"open_clip's configuration", rn50, "", func(*resNet) {}},
		{"another's configuration", strings.Replace(rn50, "[3,4,6,3]", "[3,4,23,3]", 1),
			"vision_cfg: layers is [3 4 23 3], the tensors show [3 4 6 3]", func(*resNet) {}},
		{"missing block", "", "visual.layer3.2.conv1.weight is missing",
			func(m *resNet) { m.drop("visual.layer3.2.") }},
		{"missing stage", "", "visual.layer4.0.conv1.weight is missing", func(m *resNet) { m.drop("visual.layer4.") }},
		{"missing statistics", "", "visual.layer1.0.bn2.running_var is missing",
			func(m *resNet) { m.drop("visual.layer1.0.bn2.running_var") }},
		{"missing projection", "", "visual.attnpool.c_proj.weight is missing",
			func(m *resNet) { m.drop("visual.attnpool.c_proj.weight") }},
		{"no square", "", "one row more than a square number",
			func(m *resNet) { m.shapes[resNetPositions] = []int{49, 2048} }},
		{"another norm", "", "visual.bn3.bias has shape [63], want [64]",
			func(m *resNet) { m.shapes["visual.bn3.bias"] = []int{63} }},
		{"a block's size", "", "visual.layer2.1.conv2.weight has shape [128, 128, 1, 1], want [128, 128, 3, 3]",
			func(m *resNet) { m.shapes["visual.layer2.1.conv2.weight"] = []int{128, 128, 1, 1} }},
		{"a transformer's tensor", "", "visual.class_embedding is not a parameter of an image tower that is a ResNet",
			func(m *resNet) {
				m.names, m.shapes["visual.class_embedding"] = append(m.names, "visual.class_embedding"), []int{64}
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := resNets(t)[0]
			c.edit(&m)
			path := filepath.Join(t.TempDir(), "model.safetensors")
			m.write(t, path)
			if c.config != "" {
				beside := filepath.Join(filepath.Dir(path), openclipFile)
				if err := os.WriteFile(beside, []byte(c.config), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			o := Options{Preprocess: &Preprocess{}}
			if c.config == "" {
				o.Activation = QuickGELU
			}
			ck, err := OpenCLIP(path, o)
			if err == nil {
				ck.Close()
			}
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

// drop takes away the tensors whose names begin so.
func (m *resNet) drop(prefix string) {
	var kept []string
	for _, name := range m.names {
		if !strings.HasPrefix(name, prefix) {
			kept = append(kept, name)
		}
	}
	m.names = kept
}

func TestResNetIsNotConvertedToTransformersNames(t *testing.T) {
	src := filepath.Join("..", "internal", "clip", "testdata", "tiny_resnet.pt")
	dst := filepath.Join(t.TempDir(), "model.safetensors")
	err := Convert(src, dst, ConvertOptions{Layout: LayoutHuggingFace})
	if err == nil || !strings.Contains(err.Error(), "ResNet") {
		t.Fatalf("error %v", err)
	}
	if err := Convert(src, dst, ConvertOptions{Layout: LayoutOpenAI}); err != nil {
		t.Fatal(err)
	}
	a, err := OpenCLIP(src, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := OpenCLIP(dst, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	sameParameters(t, a, b)
	if a.Config.Vision != b.Config.Vision || a.Config.Text != b.Config.Text {
		t.Errorf("%+v became %+v", a.Config, b.Config)
	}
}

package weights

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// variant rewrites the miniature CLIP: edit may rename, drop, add or reshape
// its tensors.
func variant(t *testing.T, edit func(map[string]NamedTensor)) string {
	t.Helper()
	f := open(t, "clip.safetensors")
	tensors := map[string]NamedTensor{}
	for _, name := range f.Names() {
		tensor, _ := f.Lookup(name)
		data, err := tensor.Float32()
		if err != nil {
			t.Fatal(err)
		}
		tensors[name] = NamedTensor{Name: name, Shape: tensor.Shape, Data: data}
	}
	edit(tensors)
	var list []NamedTensor
	for _, name := range sortedKeys(tensors) {
		n := tensors[name]
		n.Name = name
		list = append(list, n)
	}
	path := filepath.Join(t.TempDir(), "model.safetensors")
	if err := WriteSafetensors(path, list, nil); err != nil {
		t.Fatal(err)
	}
	return path
}

func zeros(shape ...int) NamedTensor {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return NamedTensor{Shape: shape, Data: make([]float32, n)}
}

func TestWhatIsNoCLIPIsSaidClearly(t *testing.T) {
	for _, tc := range []struct {
		name, want string
		edit       func(m map[string]NamedTensor)
	}{
		{"missing key", "visual.proj is missing, want shape [any, any]; the nearest names are visual.prok",
			func(m map[string]NamedTensor) { m["visual.prok"] = m["visual.proj"]; delete(m, "visual.proj") }},
		{"missing bias", "transformer.resblocks.1.mlp.c_fc.bias is missing, want shape [32]",
			func(m map[string]NamedTensor) { delete(m, "transformer.resblocks.1.mlp.c_fc.bias") }},
		{"missing block", "visual.transformer.resblocks.1.ln_1.weight is missing",
			func(m map[string]NamedTensor) {
				for _, name := range sortedKeys(m) {
					n := m[name]
					if rest, ok := strings.CutPrefix(name, "visual.transformer.resblocks.1."); ok {
						delete(m, name)
						m["visual.transformer.resblocks.2."+rest] = n
					}
				}
			}},
		{"norm of another width", "visual.ln_post.bias has shape [15], want [16] (as implied by visual.conv1.weight [16, " +
			"3, 4, 4]",
			func(m map[string]NamedTensor) { m["visual.ln_post.bias"] = zeros(15) }},
		{"another embedding size", "text_projection has shape [8, 13], want [8, 12]",
			func(m map[string]NamedTensor) { m["text_projection"] = zeros(8, 13) }},
		{"flat projection", "visual.proj has shape [192], want [any, any]",
			func(m map[string]NamedTensor) { m["visual.proj"] = zeros(192) }},
		{"oblong patches", "want square patches",
			func(m map[string]NamedTensor) { m["visual.conv1.weight"] = zeros(16, 3, 4, 2) }},
		{"four channels", "visual.conv1.weight has shape [16, 4, 4, 4], want [any, 3, any, any]",
			func(m map[string]NamedTensor) { m["visual.conv1.weight"] = zeros(16, 4, 4, 4) }},
		{"oblong grid", "one row more than a square",
			func(m map[string]NamedTensor) { m["visual.positional_embedding"] = zeros(7, 16) }},
		{"no logit scale", "logit_scale is missing",
			func(m map[string]NamedTensor) { delete(m, "logit_scale") }},
		{"half a ResNet", "visual.layer1.0.conv1.weight is not a parameter of an image tower that is a vision transformer",
			func(m map[string]NamedTensor) { m["visual.layer1.0.conv1.weight"] = zeros(1) }},
		{"timm", "timm",
			func(m map[string]NamedTensor) { m["visual.trunk.blocks.0.weight"] = zeros(1) }},
		{"SigLIP", "logit_bias is not a parameter",
			func(m map[string]NamedTensor) { m["logit_bias"] = zeros() }},
		{"layer scale in part", "visual.transformer.resblocks.0.ls_2.gamma is missing: other blocks have their layer scale",
			func(m map[string]NamedTensor) { m["visual.transformer.resblocks.0.ls_1.gamma"] = zeros(16) }},
		{"integers", "visual.proj holds int64, want floating-point",
			func(m map[string]NamedTensor) {
				m["visual.proj"] = NamedTensor{Shape: []int{16, 12}, DType: I64, Ints: make([]int64, 192)}
			}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := variant(t, tc.edit)
			c, err := OpenCLIP(path, Options{Activation: QuickGELU})
			if err == nil {
				c.Close()
				t.Fatalf("opened, want an error with %q", tc.want)
			}
			if !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), path) {
				t.Errorf("error %q, want one with %q", err, tc.want)
			}
		})
	}
}

func TestErrorsNameTheTensorAsTheFileDoes(t *testing.T) {
	src := filepath.Join(t.TempDir(), "hf.safetensors")
	if err := Convert(fixture("clip.safetensors"), src, ConvertOptions{Layout: LayoutHuggingFace,
		CLIP: Options{Activation: GELU}}); err != nil {
		t.Fatal(err)
	}
	f, err := Open(src)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	delete(f.tensors, "text_model.encoder.layers.1.self_attn.k_proj.bias")
	_, err = f.CLIP(Options{Activation: QuickGELU})
	want := "transformer.resblocks.1.attn.in_proj_bias (text_model.encoder.layers.1.self_attn.k_proj.bias in the file) " +
		"is missing"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one with %q", err, want)
	}
}

func TestCLIPInsideAnotherModelIsFound(t *testing.T) {
	path := variant(t, func(m map[string]NamedTensor) {
		for _, name := range sortedKeys(m) {
			m["model.clip."+name] = m[name]
			delete(m, name)
		}
		m["model.prompt_learner.ctx"] = zeros(4, 8)
	})
	c, err := OpenCLIP(path, Options{Activation: QuickGELU})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if !slices.Equal(c.Ignored, []string{"model.prompt_learner.ctx"}) {
		t.Errorf("ignored %v", c.Ignored)
	}
	sameParameters(t, c, openCLIP(t, "clip.safetensors"))
}

func TestActivationAndHeadsComeFromWhereTheyAreStated(t *testing.T) {
	const hf = `{"model_type":"clip","projection_dim":12,
		"vision_config":{"hidden_act":"gelu","hidden_size":16,"intermediate_size":64,"num_hidden_layers":2,
			"num_attention_heads":4,"image_size":8,"patch_size":4},
		"text_config":{"hidden_act":"gelu","hidden_size":8,"intermediate_size":32,"num_hidden_layers":2,"num_attention_heads":2,
			"max_position_embeddings":6,"vocab_size":11}}`
	const oc = `{"model_cfg":{"embed_dim":12,"vision_cfg":{"width":16,"layers":2,"head_width":8,"image_size":8,"patch_size":4},
		"text_cfg":{"width":8,"heads":4,"layers":2,"context_length":6,"vocab_size":11}}}`
	for _, tc := range []struct {
		name, file, content string
		opts                Options
		metadata            map[string]string
		activation          Activation
		vision, text        int
		reason              string
		refused             string
	}{
		{name: "nothing", refused: "--activation quickgelu"},
		{name: "huggingface", file: "config.json", content: hf, activation: GELU, vision: 4, text: 2,
			reason: "config.json"},
		{name: "open_clip", file: "open_clip_config.json", content: oc, activation: GELU, vision: 2, text: 4,
			reason: "open_clip_config.json"},
		{name: "open_clip quick", file: "open_clip_config.json",
			content:    strings.Replace(oc, `{"embed`, `{"quick_gelu":true,"embed`, 1),
			activation: QuickGELU, vision: 2, text: 4, reason: "open_clip_config.json"},
		{name: "another model's", file: "config.json", content: strings.Replace(hf, "16", "768", 1),
			refused: "config.json: vision_config: hidden_size is 768, the tensors show 16"},
		{name: "another program's", file: "config.json", content: `{"learning_rate": 0.1}`,
			refused: "--activation quickgelu"},
		{name: "no JSON", file: "config.json", content: "{", refused: "config.json is not a JSON object"},
		{name: "not to be read", file: "config.json", content: "{", opts: Options{NoConfig: true, Activation: GELU},
			activation: GELU, vision: 1, text: 1, reason: "asked for"},
		{name: "metadata first", file: "config.json", content: hf,
			metadata:   map[string]string{"activation": "quick_gelu", "vision_heads": "8"},
			activation: QuickGELU, vision: 8, text: 2, reason: "metadata"},
		{name: "option first", file: "config.json", content: hf,
			opts:       Options{Activation: QuickGELU, VisionHeads: 2, TextHeads: 8},
			activation: QuickGELU, vision: 2, text: 8, reason: "asked for"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := variant(t, func(map[string]NamedTensor) {})
			if tc.file != "" {
				if err := os.WriteFile(filepath.Join(filepath.Dir(path), tc.file), []byte(tc.content),
					0o644); err != nil {
					t.Fatal(err)
				}
			}
			f, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			f.metadata = tc.metadata
			c, err := f.CLIP(tc.opts)
			if tc.refused != "" {
				if err == nil || !strings.Contains(err.Error(), tc.refused) {
					t.Fatalf("error %v, want one with %q", err, tc.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			cfg := c.Config
			if cfg.Activation != tc.activation || !strings.Contains(cfg.ActivationReason, tc.reason) {
				t.Errorf("activation %v because %q, want %v because of %q", cfg.Activation, cfg.ActivationReason,
					tc.activation, tc.reason)
			}
			if cfg.Vision.Heads != tc.vision || cfg.Text.Heads != tc.text {
				t.Errorf("heads %d, %d; want %d, %d", cfg.Vision.Heads, cfg.Text.Heads, tc.vision, tc.text)
			}
		})
	}
}

func TestHeadsMustDivideTheWidth(t *testing.T) {
	for _, opts := range []Options{{Activation: GELU, VisionHeads: 3}, {Activation: GELU, TextHeads: 3}} {
		if _, err := OpenCLIP(fixture("clip_zip.pt"), opts); err == nil ||
			!strings.Contains(err.Error(), "cannot have 3 heads") {
			t.Errorf("error %v", err)
		}
	}
}

func TestKnownFamiliesHaveTheirHeads(t *testing.T) {
	for _, tc := range []struct{ width, layers, heads int }{
		{768, 12, 12}, {1024, 24, 16}, {1280, 32, 16}, {1408, 40, 16}, {1664, 48, 16}, {256, 4, 4}, {32, 2, 1},
		{96, 3, 1},
	} {
		if got := visionHeads(tc.width, tc.layers); got != tc.heads {
			t.Errorf("width %d, %d layers: %d heads, want %d", tc.width, tc.layers, got, tc.heads)
		}
	}
}

package weights

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one with %q", err, want)
	}
}

// rename puts a prefix before every name.
func rename(m map[string]NamedTensor, prefix string) map[string]NamedTensor {
	out := map[string]NamedTensor{}
	for name, n := range m {
		out[prefix+name] = n
	}
	return out
}

func TestOneOfSeveralModelsMustBeNamed(t *testing.T) {
	path := variant(t, func(m map[string]NamedTensor) {
		ema := rename(m, "ema.")
		zero := ema["ema.visual.proj"]
		ema["ema.visual.proj"] = zeros(zero.Shape...)
		plain := rename(m, "model.")
		clear(m)
		for _, part := range []map[string]NamedTensor{ema, plain} {
			for name, n := range part {
				m[name] = n
			}
		}
	})
	_, err := OpenCLIP(path, Options{Activation: GELU})
	wantError(t, err, `several models, whose names begin with "ema." and "model.": say which with --prefix`)
	_, err = OpenCLIP(path, Options{Activation: GELU, Prefix: "teacher."})
	wantError(t, err, `no CLIP model under the prefix "teacher.": those there are begin with "ema.", "model."`)
	for prefix, zero := range map[string]bool{"ema.": true, "model": false} {
		c, err := OpenCLIP(path, Options{Activation: GELU, Prefix: prefix})
		if err != nil {
			t.Fatal(err)
		}
		proj, err := c.View().Get("visual.proj", -1, -1)
		if err != nil || (proj[0] == 0) != zero {
			t.Errorf("%s: the projection begins with %v, %v", prefix, proj[0], err)
		}
		c.Close()
	}
}

func TestOtherArchitecturesAreRefusedByName(t *testing.T) {
	for name, want := range map[string]string{
		"positional_embedding_res":                                       "Long-CLIP",
		"text_decoder.resblocks.0.ln_1.weight":                           "CoCa",
		"visual.blocks.0.attn.qkv.weight":                                "EVA",
		"vision_model.head.probe":                                        "SigLIP",
		"text.transformer.embeddings.word_embeddings.weight":             "HuggingFace language model",
		"visual.transformer.resblocks.0.attn.out_proj.lora_A.weight":     "LoRA",
		"base_model.model.text_model.encoder.layers.0.fc1.lora_B.weight": "merge_and_unload",
		"visual.transformer.resblocks.0.mlp.c_fc.SCB":                    "quantised",
		"positional_embedding_extra":                                     "positional_embedding_extra is not a parameter",
		"cls_emb":                                                        "cls_emb is not a parameter",
		"visual.\x1b[2Jx":                                                `visual.\x1b[2Jx is not a parameter`,
	} {
		path := variant(t, func(m map[string]NamedTensor) { m[name] = zeros(1) })
		_, err := OpenCLIP(path, Options{Activation: GELU})
		wantError(t, err, want)
	}
}

func TestFilesOfOtherProgramsAreNamed(t *testing.T) {
	for file, want := range map[string][2]string{
		"model.onnx":                       {"\x08\x07\x12\x07pytorch", "an ONNX model"},
		"model":                            {"\x08\x09\x12\x07pytorch", "an ONNX model"},
		"clip.gguf":                        {"GGUF\x03\x00\x00\x00", "a GGUF file"},
		"flax_model.msgpack":               {"\x83\xa6logit", "a Flax checkpoint"},
		"tf_model.h5":                      {"\x89HDF\r\n\x1a\n", "from_tf=True"},
		"model.tflite":                     {"\x1c\x00\x00\x00TFL3", "TensorFlow Lite"},
		"saved_model.pb":                   {"\x08\x01\x12", "ONNX"},
		"features.npy":                     {"\x93NUMPY\x01\x00", "NumPy array"},
		"other.json":                       {`{"a": 1}`, "no weight_map"},
		"model-00001-of-00002.safetensors": {"", "index model.safetensors.index.json is not beside it"},
	} {
		if file == "saved_model.pb" {
			want[0], want[1] = "\x0a\x01", "a TensorFlow model"
		}
		path := filepath.Join(t.TempDir(), file)
		if err := os.WriteFile(path, []byte(want[0]), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path)
		wantError(t, err, want[1])
		if file == "flax_model.msgpack" || file == "tf_model.h5" {
			_, err = Open(filepath.Dir(path))
			wantError(t, err, file+" is ")
		}
	}
	lora := t.TempDir()
	if err := os.WriteFile(filepath.Join(lora, "adapter_config.json"), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Open(lora)
	wantError(t, err, "LoRA")
}

// Every field of a configuration is used, known to change nothing, or refused
// by its name.
func TestFieldsThatAreNotUnderstoodAreNamed(t *testing.T) {
	const oc = `{"model_cfg":{"embed_dim":12,"vision_cfg":{"width":16,"layers":2,"head_width":8,"image_size":8,"patch_size":4%s},
		"text_cfg":{"width":8,"heads":4,"layers":2,"context_length":6,"vocab_size":11%s}},"preprocess_cfg":{"mean":0.5,"std":0.5%s}}`
	const hf = `{"model_type":"clip","projection_dim":12%s,
		"vision_config":{"hidden_size":16,"intermediate_size":64,"num_hidden_layers":2,"num_attention_heads":4,"image_size":8,"patch_size":4%s},
		"text_config":{"hidden_size":8,"intermediate_size":32,"num_hidden_layers":2,"num_attention_heads":2,
			"max_position_embeddings":6,"vocab_size":11%s}}`
	for _, tc := range []struct {
		file, form string
		at         int
		field      string
		want       string
	}{
		{openclipFile, oc, 0, `"rope": true`, "vision_cfg: rope is not understood"},
		{openclipFile, oc, 0, `"pool_type": "none"`, `vision_cfg: pool_type is "none", want tok or avg`},
		{openclipFile, oc, 0, `"act_kwargs": {"approximate": "tanh"}`, "vision_cfg: act_kwargs is"},
		{openclipFile, oc, 0, `"qk_norm": true`, "vision_cfg: qk_norm is true"},
		{openclipFile, oc, 0, `"norm_kwargs": {"eps": 1e-6, "bias": false}`, "norm_kwargs: bias is not understood"},
		{openclipFile, oc, 0, `"ls_init_value": 0.1`, "ls_init_value and the tensors disagree"},
		{openclipFile, oc, 0, `"no_ln_pre": true`, "no_ln_pre is true"},
		{openclipFile, oc, 0, `"mlp_ratio": 3`, "mlp_ratio is 48, the tensors show 64"},
		{openclipFile, oc, 1, `"embed_cls": true`, "text_cfg: embed_cls is true"},
		{openclipFile, oc, 1, `"proj_type": "mlp"`, `proj_type is "mlp", want linear`},
		{openclipFile, oc, 2, `, "interpolation": "lanczos"`, `interpolation is "lanczos"`},
		{openclipFile, oc, 2, `, "resize_mode": "crop"`, "resize_mode"},
		{openclipFile, oc, 2, `, "std": [0.1, 0, 0.2]`, "std above 0"},
		{openclipFile, oc, 2, `, "gamma": 2`, "preprocess_cfg: gamma is not understood"},
		{hfFile, hf, 0, `"rotary": 1`, "config.json: rotary is not understood"},
		{hfFile, hf, 1, `"hidden_act": "gelu_pytorch_tanh"`,
			"vision_config: hidden_act is not supported: unknown activation \"gelu_pytorch_tanh\""},
		{hfFile, hf, 1, `"num_channels": 4`, "num_channels is 4"},
		{hfFile, hf, 1, `"pruned_heads": {"0": [1]}`, "pruned_heads is"},
		{hfFile, hf, 2, `"is_decoder": true`, "text_config: is_decoder is true"},
		{hfFile, hf, 2, `"layer_norm_eps": 0`, "layer_norm_eps is 0"},
		{hfFile, strings.Replace(hf, `"clip"`, `"siglip"`, 1), 0, "", `model_type is "siglip"`},
	} {
		args := []any{"", "", ""}
		if tc.field != "" {
			args[tc.at] = ", " + strings.TrimPrefix(tc.field, ", ")
		}
		path := variant(t, func(map[string]NamedTensor) {})
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), tc.file), fmt.Appendf(nil, tc.form, args...),
			0o644); err != nil {
			t.Fatal(err)
		}
		_, err := OpenCLIP(path, Options{Activation: GELU})
		wantError(t, err, tc.want)
	}
}

func TestPictureFieldsThatAreNotUnderstoodAreNamed(t *testing.T) {
	for field, want := range map[string]string{
		`"resample": 1`:                          "resample is 1, want 3 (bicubic) or 2 (bilinear)",
		`"do_normalize": false`:                  "do_normalize is false",
		`"rescale_factor": 0.0078`:               "rescale_factor is 0.0078",
		`"crop_size": 7`:                         "crop_size is 7, the tensors show 8",
		`"size": {"shortest_edge": 4}`:           "size is 4, less than the crop of 8",
		`"size": {"height": 8, "width": 9}`:      "want shortest_edge, or height and width alike",
		`"do_center_crop": false`:                "do_center_crop is false",
		`"do_pad": true`:                         "do_pad is true",
		`"image_processor_type": "ViTProcessor"`: `image_processor_type is "ViTProcessor"`,
		`"sharpen": 1`:                           "sharpen is not understood",
		`"image_std": [0.2, 0.2]`:                "image_std has 2 numbers",
	} {
		path := variant(t, func(map[string]NamedTensor) {})
		base := map[string]string{"size": `"size": 8`, "crop_size": `"crop_size": 8`}
		key := strings.Trim(strings.SplitN(field, ":", 2)[0], `"`)
		delete(base, key)
		text := "{" + field
		for _, rest := range base {
			text += "," + rest
		}
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), hfPictureFile), []byte(text+"}"), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := OpenCLIP(path, Options{Activation: GELU})
		wantError(t, err, want)
	}
}

func TestATokenizerOfAnotherKindIsNoticed(t *testing.T) {
	for file, tc := range map[string][2]string{
		"tokenizer.json":        {`{"model": {"type": "WordPiece", "vocab": {}}}`, `a "WordPiece" model`},
		"vocab.json":            {`{"a": 1}`, "vocab.json has 1 pieces"},
		"tokenizer_config.json": {`{"tokenizer_class": "BertTokenizer"}`, "BertTokenizer"},
	} {
		path := variant(t, func(map[string]NamedTensor) {})
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), file), []byte(tc[0]), 0o644); err != nil {
			t.Fatal(err)
		}
		c, err := OpenCLIP(path, Options{Activation: GELU})
		if err != nil {
			t.Fatal(err)
		}
		wantError(t, c.Config.Text.CheckWords(), tc[1])
		c.Close()
	}
}

func TestNamesAndHashesOfReleasesTell(t *testing.T) {
	base := Config{Vision: VisionConfig{Width: 1024, Layers: 24, Patch: 14, ImageSize: 224},
		Text: TextConfig{Width: 768}}
	half := [3]float32{0.5, 0.5, 0.5}
	for path, want := range map[string]struct {
		act  Activation
		mean [3]float32
	}{
		"/x/CLIP-ViT-L-14-laion2B-s32B-b82K/open_clip_pytorch_model.bin":                             {GELU, half},
		"/c/models--laion--CLIP-ViT-L-14-laion2B-s32B-b82K/snapshots/16/open_clip_pytorch_model.bin": {GELU, half},
		"/x/ViT-L-14__laion2b_s32b_b82k.pt":                                                          {GELU, half},
		"/x/ViT-L-14-openai.pt": {QuickGELU,
			[3]float32{}},
		"/x/l14_400m.pt": {QuickGELU,
			[3]float32{}},
		"/x/ViT-L-14-quickgelu.safetensors": {QuickGELU,
			[3]float32{}},
		"/x/vit_l_14-laion400m_e32-3d133497.pt": {GELU,
			[3]float32{}},
		"/x/ViT-L-14.pt": {0,
			[3]float32{}}, // OpenAI's file, and open_clip's GELU architecture
		"/openai/mine.pt": {0, [3]float32{}},
		"/x/ViT-L-14-quickgelu-laion2b_s32b_b82k.pt": {0,
			half}, // contradicts itself
		"/x/CLIP-ViT-B-32-laion2B-s34B-b79K/model.bin": {0,
			[3]float32{}}, // of another size
	} {
		s := statedByName(path, base)
		var mean [3]float32
		if s.preprocess != nil {
			mean = s.preprocess.Mean
		}
		if s.vision.activation != want.act || mean != want.mean {
			t.Errorf("%s: %v and mean %v (%s), want %v and %v", path, s.vision.activation, mean, s.reason, want.act,
				want.mean)
		}
	}
	if s := statedByHash("5ddb47339f44e4fd9cace3d3960d38af1b51a25857440cfae90afc44706d7e2b",
		base); s.vision.activation != GELU || s.preprocess.Mean != half {
		t.Errorf("by hash: %+v", s)
	}
	if s := statedByHash("b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836",
		base); s.vision.activation != QuickGELU {
		t.Errorf("by hash: %+v", s)
	}
}

func TestMatricesAndAdaptersOfOthersAreRead(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, tensors ...NamedTensor) string {
		path := filepath.Join(dir, name)
		if err := WritePyTorch(path, tensors, TorchOptions{}); err != nil {
			t.Fatal(err)
		}
		return path
	}
	m, err := Matrices(write("logits.pt", NamedTensor{Name: "logits", Shape: []int{2, 3}, Data: []float32{1, 2, 3, 4,
		5, 6}},
		NamedTensor{Name: "labels", Shape: []int{2}, DType: I64, Ints: []int64{2, 0}}))
	if err != nil || len(m) != 2 || m[1].Name != "logits" || m[1].Cols != 3 || m[1].Data[4] != 5 || m[0].Data[0] != 2 {
		t.Errorf("matrices %+v, %v", m, err)
	}
	named := func(name string, rows, cols int) NamedTensor { z := zeros(rows, cols); z.Name = name; return z }
	a, err := ReadAdapter(write("taskres.pt", named("prompt_learner.base_text_features", 3, 4),
		named("prompt_learner.text_feature_residuals", 3, 4)))
	if err != nil || !a.Residual || a.Ambiguous || a.Base.Rows != 3 {
		t.Errorf("TaskRes %+v, %v", a, err)
	}
	a, err = ReadAdapter(write("clap.pt", named("base_text_features", 3, 4), named("prototypes", 3, 4)))
	if err != nil || a.Residual || !a.Ambiguous {
		t.Errorf("CLIPCalib %+v, %v", a, err)
	}
	a, err = ReadAdapter(write("tip.pt", named("base_text_features", 3, 4), named("prototypes", 3, 4),
		named("cache_keys", 9, 4), named("cache_values", 9, 3)))
	if err != nil || a.Keys.Rows != 9 || a.Ambiguous {
		t.Errorf("Tip-Adapter %+v, %v", a, err)
	}
	_, err = ReadAdapter(write("odd.pt", named("prototypes", 3, 4), named("base_text_features", 2, 4)))
	wantError(t, err, "3 prototypes and 2 text features")
	_, err = ReadAdapter(fixture("clip_zip.pt"))
	wantError(t, err, "no adapter of CLIPCalib")
}

func TestShardsMustBeWhole(t *testing.T) {
	const a, b = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
	write := func(t *testing.T, weightMap string, shards ...string) string {
		dir := t.TempDir()
		for i, name := range shards {
			z := zeros(2)
			z.Name = string(rune('x' + i))
			if err := WriteSafetensors(filepath.Join(dir, name), []NamedTensor{z}, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, "model"+indexTail), []byte(`{"weight_map":{`+weightMap+`}}`),
			0o644); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	whole := write(t, `"x":"`+a+`","y":"`+b+`"`, a, b)
	for _, path := range []string{whole, filepath.Join(whole, "model"+indexTail), filepath.Join(whole, a),
		filepath.Join(whole, b)} {
		f, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		sum, err := f.SHA256()
		if names := f.Names(); len(names) != 2 || len(sum) != 64 || err != nil {
			t.Errorf("%s: %v, %q, %v", path, names, sum, err)
		}
		f.Close()
	}
	for _, tc := range []struct{ weightMap, want string }{
		{`"x":"` + a + `","y":"` + b + `"`, b},
		{`"x":"` + a + `","z":"` + a + `"`, "does not hold z"},
		{`"y":"` + a + `"`, "holds x, which weight_map has in"},
		{`"x":"../` + a + `"`, "no file beside the index"},
	} {
		_, err := Open(write(t, tc.weightMap, a))
		wantError(t, err, tc.want)
	}
}

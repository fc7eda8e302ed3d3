package weights

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The sizes of the models whose configurations people publish, as their tensors
// show them.
var (
	base32 = Config{EmbedDim: 512, Vision: VisionConfig{ImageSize: 224, Patch: 32, Width: 768, Layers: 12, MLP: 3072},
		Text: TextConfig{Context: 77, Vocab: clipVocabulary, Width: 512, Layers: 12, MLP: 2048}}
	huge14 = Config{EmbedDim: 1024, Vision: VisionConfig{ImageSize: 224, Patch: 14, Width: 1280, Layers: 32, MLP: 5120},
		Text: TextConfig{Context: 77, Vocab: clipVocabulary, Width: 1024, Layers: 24, MLP: 4096}}
	large336 = Config{EmbedDim: 768, Vision: VisionConfig{ImageSize: 336, Patch: 14, Width: 1024, Layers: 24,
		MLP: 4096}}
)

func only(c Config, images bool) Config {
	if images {
		c.Text = TextConfig{}
	} else {
		c.Vision = VisionConfig{}
	}
	return c
}

// Configurations of the kinds that public repositories print: each is read whole,
// or refused by the name of the field.
func TestConfigurationsAsPublicRepositoriesPrintThem(t *testing.T) {
	for name, c := range map[string]struct {
		of               Config
		config, pictures string
		activation       Activation // of both towers
		want             string     // in the error; "" if it is read
		text             string     // in why texts are refused
	}{
		"openai/clip-vit-base-patch32 saved again, defaults left out": {of: base32, activation: QuickGELU, config: `{
			"_name_or_path": "openai/clip-vit-base-patch32", "architectures": ["CLIPModel"], "initializer_factor": 1.0,
			"logit_scale_init_value": 2.6592, "model_type": "clip", "projection_dim": 512, "transformers_version": "4.36.2",
			"text_config": {"bos_token_id": 0, "dropout": 0.0, "eos_token_id": 2, "model_type": "clip_text_model"},
			"vision_config": {"dropout": 0.0, "model_type": "clip_vision_model"}}`},
		"every field of text generation, and the towers twice": {of: base32, activation: QuickGELU, config: `{
			"architectures": ["CLIPModel"], "model_type": "clip", "projection_dim": 512, "torch_dtype": "float32",
			"text_config": {"_name_or_path": "", "add_cross_attention": false, "architectures": null, "bad_words_ids": null,
				"attention_dropout": 0.0, "bos_token_id": 0, "chunk_size_feed_forward": 0, "eos_token_id": 2,
				"cross_attention_hidden_size": null, "hidden_act": "quick_gelu", "is_decoder": false, "pruned_heads": {},
				"id2label": {"0": "LABEL_0"}, "layer_norm_eps": 1e-05, "top_k": 50, "model_type": "clip_text_model"},
			"text_config_dict": null,
			"vision_config": {"hidden_act": "quick_gelu", "image_size": 224, "patch_size": 32, "top_p": 1.0},
			"vision_config_dict": null}`, pictures: `{"crop_size": 224, "do_center_crop": true, "do_normalize": true,
			"do_resize": true, "feature_extractor_type": "CLIPFeatureExtractor", "resample": 3, "size": 224,
			"image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711]}`},
		"Qdrant/clip-ViT-B-32-vision, a tower alone": {of: only(base32, true), activation: QuickGELU, config: `{
			"_name_or_path": "openai/clip-vit-base-patch32", "attention_dropout": 0.0, "dropout": 0.0,
			"hidden_act": "quick_gelu", "hidden_size": 768, "image_size": 224, "intermediate_size": 3072,
			"initializer_factor": 1.0, "initializer_range": 0.02, "layer_norm_eps": 1e-05, "num_attention_heads": 12,
			"num_channels": 3, "model_type": "clip_vision_model", "num_hidden_layers": 12, "patch_size": 32,
			"projection_dim": 512, "transformers_version": "4.40.1"}`, pictures: `{
			"crop_size": {"height": 224, "width": 224}, "size": {"shortest_edge": 224}, "do_center_crop": true,
			"do_convert_rgb": true, "do_normalize": true, "do_rescale": true, "do_resize": true, "resample": 3,
			"image_processor_type": "CLIPImageProcessor", "rescale_factor": 0.00392156862745098}`},
		"Qdrant/clip-ViT-B-32-text, a tower alone": {of: only(base32, false), activation: QuickGELU, config: `{
			"attention_dropout": 0.0, "bos_token_id": 0, "dropout": 0.0, "eos_token_id": 2, "hidden_act": "quick_gelu",
			"hidden_size": 512, "initializer_factor": 1.0, "initializer_range": 0.02, "intermediate_size": 2048,
			"layer_norm_eps": 1e-05, "max_position_embeddings": 77, "num_attention_heads": 8, "num_hidden_layers": 12,
			"model_type": "clip_text_model", "pad_token_id": 1, "projection_dim": 512, "vocab_size": 49408}`},
		"an image encoder of ViT-H-14 in half precision, exact GELU": {of: only(huge14, true), activation: GELU,
			config: `{
			"_name_or_path": "./image_encoder", "architectures": ["CLIPVisionModelWithProjection"], "dropout": 0.0,
			"hidden_act": "gelu", "hidden_size": 1280, "image_size": 224, "intermediate_size": 5120, "patch_size": 14,
			"layer_norm_eps": 1e-05, "model_type": "clip_vision_model", "num_attention_heads": 16, "num_channels": 3,
			"num_hidden_layers": 32, "projection_dim": 1024, "torch_dtype": "float16"}`},
		"laion's ViT-H-14, towers in full": {of: huge14, activation: GELU, config: `{
			"architectures": ["CLIPModel"], "model_type": "clip", "projection_dim": 1024, "logit_scale_init_value": 2.6592,
			"text_config": {"hidden_act": "gelu", "hidden_size": 1024, "intermediate_size": 4096, "num_attention_heads": 16,
				"num_hidden_layers": 24, "model_type": "clip_text_model"},
			"vision_config": {"hidden_act": "gelu", "hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32,
				"num_attention_heads": 16, "patch_size": 14, "model_type": "clip_vision_model"}}`},
		"an image tower of 336 pixels, dtype named as of late": {of: large336, activation: QuickGELU, config: `{
			"hidden_size": 1024, "image_size": 336, "intermediate_size": 4096, "model_type": "clip_vision_model",
			"num_attention_heads": 16, "num_hidden_layers": 24, "patch_size": 14, "projection_dim": 768, "dtype": "float32"}`,
			pictures: `{"crop_size": {"height": 336, "width": 336}, "size": {"shortest_edge": 336}, "resample": 3}`},
		"a vocabulary of another end": {of: only(base32, false), activation: QuickGELU, text: "eos_token_id is 1",
			config: `{
			"model_type": "clip_text_model", "eos_token_id": 1}`},
		"GELU by its tanh": {of: only(huge14, true), want: `hidden_act`, config: `{"hidden_act": "gelu_pytorch_tanh",
			"hidden_size": 1280, "intermediate_size": 5120, "model_type": "clip_vision_model", "num_attention_heads": 16,
			"num_hidden_layers": 32, "patch_size": 14}`},
		"SigLIP": {of: base32, want: "model_type", config: `{"architectures": ["SiglipModel"], "model_type": "siglip",
			"text_config": {"vocab_size": 250100}, "vision_config": {"image_size": 256, "patch_size": 16}}`},
		"a field of another model": {of: only(base32, true), want: "rope_theta", config: `{
			"model_type": "clip_vision_model", "rope_theta": 10000}`},
		"four bits": {of: only(base32, true), want: "quantization_config", config: `{"model_type": "clip_vision_model",
			"quantization_config": {"load_in_4bit": true}}`},
		"sizes of another model": {of: only(base32, true), want: "patch_size", config: `{
			"model_type": "clip_vision_model", "patch_size": 16}`},
		"another processor": {of: only(base32, true), want: "image_processor_type", pictures: `{
			"image_processor_type": "SiglipImageProcessor", "size": {"height": 224, "width": 224}}`, config: `{
			"model_type": "clip_vision_model"}`},
		"pictures that are not cut": {of: only(base32, true), want: "do_center_crop", pictures: `{
			"do_center_crop": false, "size": {"shortest_edge": 224}}`, config: `{"model_type": "clip_vision_model"}`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, content := range map[string]string{hfFile: c.config, hfPictureFile: c.pictures} {
				if content == "" {
					continue
				}
				if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			s, ok, err := statedByHuggingFace(dir, c.of)
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Fatalf("error %v, want the field %s", err, c.want)
				}
				return
			}
			if err != nil || !ok {
				t.Fatalf("%v, %v", ok, err)
			}
			if c.of.HasImages() && s.vision.activation != c.activation || c.of.HasTexts() &&
				s.text.activation != c.activation {
				t.Errorf("activations %v and %v, want %v", s.vision.activation, s.text.activation, c.activation)
			}
			if (c.text == "") != (s.textRefused == "") || !strings.Contains(s.textRefused, c.text) {
				t.Errorf("texts: %q, want %q", s.textRefused, c.text)
			}
			if (c.pictures != "") != (s.preprocess != nil) {
				t.Errorf("preprocessing %v", s.preprocess)
			}
		})
	}
}

package weights

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
)

// statedByHuggingFace reads config.json and preprocessor_config.json of a
// folder that transformers' from_pretrained reads. A field that is absent has
// the default of transformers' CLIPTextConfig or CLIPVisionConfig.
func statedByHuggingFace(dir string, c Config) (s stated, ok bool, err error) {
	f, ok, err := readConfig(filepath.Join(dir, hfFile), hfFile)
	if err != nil {
		return s, false, err
	}
	if ok && (f.has("model_type") || f.has("vision_config") || f.has("text_config")) {
		s.hfModel(f, c)
		s.idle = *f.idle
		err = f.err()
	} else {
		ok = false // some other program's config.json
	}
	if err != nil {
		return s, false, err
	}
	pictures, found, err := s.hfPictures(dir, c)
	return s, ok || found && pictures, err
}

func (s *stated) hfModel(f fields, c Config) {
	s.reason = hfFile + besideFileSays
	switch kind := f.string("model_type", "clip"); kind {
	case "clip":
		vision, text := f.hfTower("vision"), f.hfTower("text")
		if c.HasImages() {
			s.hfVision(vision, c)
		}
		if c.HasTexts() {
			s.hfText(text, c)
		}
		if dim := f.int("projection_dim", 512); c.HasImages() && c.HasTexts() {
			f.same("projection_dim", dim, c.EmbedDim)
		}
	case "clip_vision_model":
		s.hfVision(f, c)
		return
	case "clip_text_model":
		s.hfText(f, c)
		return
	default:
		f.failf("model_type", "is %.60q: not a CLIP model of transformers (clip, clip_vision_model, clip_text_model)",
			kind)
		return
	}
	f.hfGeneral()
	f.ignore("logit_scale_init_value")
	f.rest()
}

// hfTower is the object of one tower. Older files state it twice: what is in
// vision_config_dict then wins over vision_config, defaults included, as in
// transformers.
func (f fields) hfTower(tower string) fields {
	sub, _ := f.object(tower + "_config")
	if sub.m == nil {
		sub.m = map[string]json.RawMessage{}
	}
	if twice, ok := f.object(tower + "_config_dict"); ok {
		for _, key := range hfTowerFields {
			delete(sub.m, key)
		}
		maps.Copy(sub.m, twice.m)
	}
	return sub
}

// hfTowerFields have a default in transformers' CLIP configurations.
var hfTowerFields = []string{"vocab_size", "hidden_size", "intermediate_size", "projection_dim", "num_hidden_layers",
	"num_attention_heads", "max_position_embeddings", "num_channels", "image_size", "patch_size", "hidden_act",
	"layer_norm_eps", "attention_dropout", "initializer_range", "initializer_factor", "pad_token_id", "bos_token_id",
	"eos_token_id"}

// hfShared reads what both towers have.
func (t *towerStated) hfShared(f fields) {
	act, err := ParseActivation(f.string("hidden_act", "quick_gelu"))
	if err != nil {
		f.failf("hidden_act", "is not supported: %v", err)
	}
	t.activation = act
	t.eps = f.eps("layer_norm_eps", defaultNormEps)
	// the shape of the projection decides; in the towers' objects it is often left at its default
	f.ignore("projection_dim")
	f.ignore("attention_dropout", "dropout", "initializer_range", "initializer_factor")
	f.hfGeneral()
	f.rest()
}

func (s *stated) hfVision(f fields, c Config) {
	v := c.Vision
	f.same("hidden_size", f.int("hidden_size", 768), v.Width)
	f.same("intermediate_size", f.int("intermediate_size", 3072), v.MLP)
	f.same("num_hidden_layers", f.int("num_hidden_layers", 12), v.Layers)
	f.same("image_size", f.square("image_size", 224), v.ImageSize)
	f.same("patch_size", f.square("patch_size", 32), v.Patch)
	f.same("num_channels", f.int("num_channels", 3), 3)
	s.visionHeads = f.hfHeads(12, v.Width)
	f.ignore("model_type")
	s.vision.hfShared(f)
}

func (s *stated) hfText(f fields, c Config) {
	t := c.Text
	f.same("hidden_size", f.int("hidden_size", 512), t.Width)
	f.same("intermediate_size", f.int("intermediate_size", 2048), t.MLP)
	f.same("num_hidden_layers", f.int("num_hidden_layers", 12), t.Layers)
	f.same("max_position_embeddings", f.int("max_position_embeddings", 77), t.Context)
	f.same("vocab_size", f.int("vocab_size", clipVocabulary), t.Vocab)
	s.textHeads = f.hfHeads(8, t.Width)
	// transformers reads the feature at the largest token for the eos id 2, which
	// older files have, else at the first eos id.
	const legacyEOS, eot = 2, clipVocabulary - 1
	if eos := f.int("eos_token_id", eot); eos != legacyEOS && eos != eot {
		s.textRefused = fmt.Sprintf("%s: eos_token_id is %d, want %d, the end of text of CLIP's vocabulary", f.where,
			eos, eot)
	}
	f.ignore("model_type", "bos_token_id", "pad_token_id")
	s.text.hfShared(f)
}

func (f fields) hfHeads(absent, width int) int {
	heads := f.int("num_attention_heads", absent)
	if heads < 1 || width%heads != 0 {
		f.failf("num_attention_heads", "is %d, which does not divide the width %d", heads, width)
		return 1
	}
	return heads
}

// hfGeneral takes away what every configuration of transformers may have: what
// concerns generating text, training and printing. Those that would change a
// tower must have their neutral value.
func (f fields) hfGeneral() {
	f.none("is_decoder", "is_encoder_decoder", "add_cross_attention", "cross_attention_hidden_size", "pruned_heads",
		"chunk_size_feed_forward", "quantization_config", "adapter_config")
	f.ignore("architectures", "torch_dtype", "dtype", "transformers_version", "tokenizer_class", "name_or_path",
		"prefix",
		"return_dict", "output_hidden_states", "output_attentions", "torchscript", "use_bfloat16", "tf_legacy_loss",
		"use_cache",
		"tie_word_embeddings", "tie_encoder_decoder", "gradient_checkpointing", "finetuning_task", "problem_type",
		"task_specific_params", "id2label", "label2id", "num_labels", "attn_implementation", "model_type",
		"max_length", "min_length", "do_sample", "early_stopping", "num_beams", "num_beam_groups", "diversity_penalty",
		"temperature", "top_k", "top_p", "typical_p", "repetition_penalty", "length_penalty", "no_repeat_ngram_size",
		"encoder_no_repeat_ngram_size", "bad_words_ids", "num_return_sequences", "output_scores",
		"return_dict_in_generate",
		"forced_bos_token_id", "forced_eos_token_id", "remove_invalid_values", "exponential_decay_length_penalty",
		"suppress_tokens", "begin_suppress_tokens", "decoder_start_token_id", "sep_token_id", "bos_token_id",
		"pad_token_id",
		"eos_token_id", "initializer_factor", "initializer_range")
}

// hfPictures reads preprocessor_config.json.
func (s *stated) hfPictures(dir string, c Config) (ok, found bool, err error) {
	f, found, err := readConfig(filepath.Join(dir, hfPictureFile), hfPictureFile)
	if err != nil || !found {
		return false, found, err
	}
	for _, key := range []string{"image_processor_type", "feature_extractor_type"} {
		kind := f.string(key, "")
		if !slices.Contains([]string{"", "CLIPImageProcessor", "CLIPFeatureExtractor", "CLIPImageProcessorFast"},
			kind) {
			f.failf(key, "is %.60q, want CLIPImageProcessor", kind)
		}
	}
	p := Preprocess{Mean: openaiMean, Std: openaiStd, FloorCrop: true}
	for _, key := range []string{"do_resize", "do_rescale", "do_normalize", "do_convert_rgb"} {
		if !f.bool(key, true) {
			f.failf(key, "is false, which is not supported")
		}
	}
	if factor := f.float("rescale_factor", 1./255); float32(factor) != float32(1./255) {
		f.failf("rescale_factor", "is %v, want 1/255", factor)
	}
	f.channels("image_mean", &p.Mean)
	f.channels("image_std", &p.Std)
	const bilinear, bicubic = 2, 3 // Pillow's numbers
	switch kernel := f.int("resample", bicubic); kernel {
	case bicubic:
	case bilinear:
		p.Bilinear = true
	default:
		f.failf("resample", "is %d, want 3 (bicubic) or 2 (bilinear)", kernel)
	}
	size, squash := f.hfSize("size", 224)
	crop, _ := f.hfSize("crop_size", 224)
	if squash {
		p.Resize = ResizeSquash
	}
	cut := f.bool("do_center_crop", true)
	if !cut && !squash {
		f.failf("do_center_crop", "is false, and size names the shorter side: the pictures would not be squares")
	}
	if !cut {
		crop = size
	}
	if c.HasImages() && crop != c.Vision.ImageSize {
		key := "crop_size"
		if !cut {
			key = "size"
		}
		f.failf(key, "is %d, the tensors show %d", crop, c.Vision.ImageSize)
	}
	if size < crop {
		f.failf("size", "is %d, less than the crop of %d", size, crop)
	}
	if size != crop {
		p.Side = size
	}
	f.ignore("processor_class", "device", "data_format", "input_data_format", "return_tensors", "default_to_square",
		"crop_pct", "disable_grouping")
	f.none("do_pad", "pad_size")
	f.rest()
	s.setPreprocess(f, p, hfPictureFile)
	s.idle = append(s.idle, *f.idle...)
	return true, true, f.err()
}

// hfSize reads a size in any of transformers' forms; square says that it names
// both sides.
func (f fields) hfSize(key string, absent int) (size int, square bool) {
	raw := bytes.TrimSpace(f.m[key])
	if len(raw) == 0 || raw[0] != '{' {
		return f.square(key, absent), false
	}
	o, _ := f.object(key)
	short, height, width := o.int("shortest_edge", 0), o.int("height", 0), o.int("width", 0)
	o.rest()
	if short > 0 && height == 0 && width == 0 {
		return short, false
	}
	if short > 0 || height != width || height == 0 {
		f.failf(key, "is %.80s: want shortest_edge, or height and width alike", raw)
	}
	return height, true
}

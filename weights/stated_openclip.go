package weights

import (
	"fmt"
	"path/filepath"
	"slices"

	"clipcalib/internal/printable"
)

// statedByOpenCLIP reads an open_clip_config.json, whose fields and defaults
// are those of open_clip's CLIPVisionCfg, CLIPTextCfg and PreprocessCfg.
func statedByOpenCLIP(dir string, c Config) (s stated, ok bool, err error) {
	f, ok, err := readConfig(filepath.Join(dir, openclipFile), openclipFile)
	if !ok || err != nil {
		return s, false, err
	}
	model, nested := f.object("model_cfg")
	if !nested { // open_clip takes a file that is the model's part alone, too
		model = f
	}
	model.none("multimodal_cfg") // CoCa's decoder
	quick := model.bool("quick_gelu", false)
	s.vision.activation = GELU
	if quick {
		s.vision.activation = QuickGELU
	}
	s.text.activation = s.vision.activation
	s.reason = openclipFile + besideFileSays
	model.same("embed_dim", model.int("embed_dim", c.EmbedDim), c.EmbedDim)
	model.none("init_logit_bias")
	model.ignore("custom_text", "init_logit_scale", "nonscalar_logit_scale", "output_dict", "cast_dtype")

	if v, ok := model.object("vision_cfg"); ok && c.HasImages() {
		s.openclipVision(v, c.Vision)
	}
	if t, ok := model.object("text_cfg"); ok && c.HasTexts() {
		s.openclipText(t, c.Text)
	}
	if p, ok := f.object("preprocess_cfg"); ok {
		s.openclipPreprocess(p, c.Vision)
	} else {
		s.preprocess, s.preprocessReason = &Preprocess{}, openclipFile+" has no preprocess_cfg: open_clip's defaults"
	}
	if nested {
		f.ignore("version", "license", "tags", "model_name")
		f.rest()
	}
	model.rest()
	s.idle = *f.idle
	return s, true, f.err()
}

// customBlocks are the switches of open_clip's other transformer blocks.
var customBlocks = []string{"qk_norm", "scaled_cosine_attn", "scale_heads", "scale_attn_inner", "scale_attn",
	"scale_fc"}

func (s *stated) openclipVision(f fields, v VisionConfig) {
	f.none("timm_model_name", "attentional_pool")
	f.none(customBlocks...)
	if kind := f.string("block_type", "default"); kind != "default" {
		f.failf("block_type", "is %.40q, only the default block is supported", kind)
	}
	f.same("width", f.int("width", 768), v.Width)
	f.same("image_size", f.square("image_size", 224), v.ImageSize)
	s.visionHeads = f.heads(v.FeatureWidth(), f.int("head_width", 64))
	if v.ResNet() {
		s.openclipResNet(f, v)
		return
	}
	f.same("layers", f.int("layers", 12), v.Layers)
	f.same("patch_size", f.square("patch_size", 16), v.Patch)
	f.same("mlp_ratio", int(float64(v.Width)*f.float("mlp_ratio", 4)), v.MLP)
	s.vision.noPreNorm = f.bool("no_ln_pre", false)
	if kind := f.string("pos_embed_type", "learnable"); kind != "learnable" && kind != "sin_cos_2d" {
		f.failf("pos_embed_type", "is %.40q, want learnable or sin_cos_2d", kind)
	}
	switch pool := f.string("pool_type", "tok"); pool {
	case "tok":
	case "avg":
		s.vision.averagePool = true
	default:
		f.failf("pool_type", "is %.40q, want tok or avg", pool)
	}
	// Behind a class token the order of norm and pooling makes no difference.
	s.vision.normAfter = f.bool("final_ln_after_pool", false) && s.vision.averagePool
	s.vision.eps = f.normKwargs()
	f.none("act_kwargs")
	f.layerScale(v.LayerScale)
	f.ignore(idleVisionFields...)
	f.rest()
}

// idleVisionFields change no feature of open_clip's own towers.
var idleVisionFields = []string{"patch_dropout", "output_tokens", "attn_pooler_queries", "attn_pooler_heads",
	"timm_model_pretrained", "timm_pool", "timm_proj", "timm_proj_bias", "timm_drop", "timm_drop_path"}

// openclipResNet reads what a vision_cfg says of a modified ResNet, whose layers
// are the blocks of each stage. open_clip builds it from these fields alone.
func (s *stated) openclipResNet(f fields, v VisionConfig) {
	var stages []int
	if f.take("layers", &stages); !slices.Equal(stages, v.Stages[:]) {
		f.failf("layers", "is %v, the tensors show %v: the configuration is another model's", stages, v.Stages)
	}
	f.ignore(idleVisionFields...)
	f.ignore("patch_size", "mlp_ratio", "ls_init_value", "no_ln_pre", "pos_embed_type", "pool_type",
		"final_ln_after_pool", "norm_kwargs", "act_kwargs")
	f.rest()
}

func (s *stated) openclipText(f fields, t TextConfig) {
	f.none("hf_model_name", "embed_cls", "proj_bias")
	f.none(customBlocks...)
	if kind := f.string("block_type", "default"); kind != "default" {
		f.failf("block_type", "is %.40q, only the default block is supported", kind)
	}
	f.same("width", f.int("width", 512), t.Width)
	f.same("layers", f.int("layers", 12), t.Layers)
	f.same("context_length", f.int("context_length", 77), t.Context)
	f.same("vocab_size", f.int("vocab_size", clipVocabulary), t.Vocab)
	f.same("mlp_ratio", int(float64(t.Width)*f.float("mlp_ratio", 4)), t.MLP)
	heads := f.int("heads", 8)
	if heads > 0 && t.Width%heads != 0 || heads == 0 {
		f.failf("heads", "is %d, which does not divide the width %d", heads, t.Width)
	}
	s.textHeads = heads
	if kind := f.string("proj_type", "linear"); kind != "linear" {
		f.failf("proj_type", "is %.40q, want linear", kind)
	}
	s.text.eps = f.normKwargs()
	f.none("act_kwargs")
	// What follows concerns texts alone; images can be encoded all the same.
	refuse := func(key string, v any, want string) {
		if s.textRefused == "" {
			s.textRefused = fmt.Sprintf("%s: %s is %v, want %s", f.where, key, v, want)
		}
	}
	if f.bool("no_causal_mask", false) {
		refuse("no_causal_mask", true, "false: prompts share their beginnings here, which a causal mask allows alone")
	}
	eos := f.int("eos_id", 2)
	switch pool := f.string("pool_type", "argmax"); {
	case pool == "argmax":
	case pool == "eos" && eos == clipVocabulary-1:
	case pool == "eos":
		refuse("eos_id", eos, fmt.Sprintf("%d, the end of text of CLIP's vocabulary", clipVocabulary-1))
	default:
		refuse("pool_type", fmt.Sprintf("%.40q", pool), "argmax or eos")
	}
	if name := f.string("hf_tokenizer_name", ""); name != "" {
		s.tokenizer = fmt.Sprintf("%s: hf_tokenizer_name is %.80q", f.where, printable.Escape(name))
	}
	if mode := f.string("tokenizer_mode", ""); mode != "" && mode != "clip" {
		s.tokenizer = fmt.Sprintf("%s: tokenizer_mode is %.40q", f.where, mode)
	}
	if f.has("tokenizer_kwargs") && s.tokenizer == "" && string(f.m["tokenizer_kwargs"]) != "{}" {
		s.tokenizer = fmt.Sprintf("%s: tokenizer_kwargs is %.60s", f.where,
			printable.Escape(string(f.m["tokenizer_kwargs"])))
	}
	delete(f.m, "tokenizer_kwargs")
	f.layerScale(t.LayerScale)
	f.ignore("pad_id", "final_ln_after_pool", "output_tokens",
		"hf_model_pretrained", "hf_proj_type", "hf_pooler_type")
	f.rest()
}

// layerScale compares what is said of layer scale with what the tensors show.
func (f fields) layerScale(found bool) {
	var init *float64
	f.take("ls_init_value", &init)
	if said := init != nil && *init != 0; said != found {
		f.failf("ls_init_value", "and the tensors disagree: layer scale said %t, found %t", said, found)
	}
}

// heads is the number of heads of a width in pieces of the given width.
func (f fields) heads(width, perHead int) int {
	if perHead < 1 || width < perHead {
		f.failf("head_width", "is %d, the tower %d wide", perHead, width)
		return 1
	}
	return width / perHead
}

// normKwargs reads what is handed to every layer norm.
func (f fields) normKwargs() float32 {
	n, ok := f.object("norm_kwargs")
	if !ok {
		return 0
	}
	eps := n.eps("eps", defaultNormEps)
	n.rest()
	return eps
}

// eps reads the epsilon of layer norms, 0 if it is the usual one.
func (f fields) eps(key string, absent float64) float32 {
	eps := f.float(key, absent)
	if !(eps > 0 && eps < 1) {
		f.failf(key, "is %v, want a small positive number", eps)
	}
	if float32(eps) == defaultNormEps {
		return 0
	}
	return float32(eps)
}

// openclipPreprocess reads a preprocess_cfg.
func (s *stated) openclipPreprocess(f fields, v VisionConfig) {
	p := Preprocess{Mean: openaiMean, Std: openaiStd}
	if v.Width > 0 {
		f.same("size", f.square("size", v.ImageSize), v.ImageSize)
	}
	if mode := f.string("mode", "RGB"); mode != "RGB" {
		f.failf("mode", "is %.20q, want RGB", mode)
	}
	f.channels("mean", &p.Mean)
	f.channels("std", &p.Std)
	switch kernel := f.string("interpolation", "bicubic"); kernel {
	case "bicubic", "random": // open_clip evaluates random as bicubic
	case "bilinear":
		p.Bilinear = true
	default:
		f.failf("interpolation", "is %.40q, want bicubic or bilinear", kernel)
	}
	f.take("resize_mode", &p.Resize)
	fill := f.int("fill_color", 0)
	if fill > 255 {
		f.failf("fill_color", "is %d, want 0 to 255", fill)
	}
	p.Fill = uint8(fill)
	f.ignore("size")
	f.rest()
	s.setPreprocess(f, p, openclipFile)
}

// channels reads a number for each channel, or one for all.
func (f fields) channels(key string, dst *[3]float32) {
	raw := f.m[key]
	if len(raw) > 0 && raw[0] != '[' {
		var x float32
		if f.take(key, &x) {
			*dst = [3]float32{x, x, x}
		}
		return
	}
	var xs []float32
	if !f.take(key, &xs) {
		return
	}
	if len(xs) != 3 {
		f.failf(key, "has %d numbers, want one for each of 3 channels", len(xs))
		return
	}
	copy(dst[:], xs)
}

// setPreprocess keeps p with the fields that say nothing new left zero, so that
// equal preprocessing is equal.
func (s *stated) setPreprocess(f fields, p Preprocess, file string) {
	if err := p.check(); err != nil {
		f.failf("mean and std", "cannot be used: %v", err)
	}
	if p.Mean == openaiMean && p.Std == openaiStd {
		p.Mean, p.Std = [3]float32{}, [3]float32{}
	}
	s.preprocess, s.preprocessReason = &p, file+besideFileSays
}

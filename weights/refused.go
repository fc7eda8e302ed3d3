package weights

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"clipcalib/internal/printable"
)

// otherArchitectures are models that are known by a name in them, and what to
// say of each. They are looked for before CLIP's own names: many hold a part
// that looks like CLIP's.
var otherArchitectures = []struct {
	name *regexp.Regexp
	what string
}{
	{regexp.MustCompile(`\.lora_(A|B|up|down|embedding_[AB])\b|^lora_(unet|te)|\.lora_[AB]\.|(^|\.)lora_(A|B|up|down)\.`),
		"LoRA deltas, not whole weights: merge them into their model first (peft: merge_and_unload) and save that"},
	{regexp.MustCompile(`(^|\.)visual\.trunk\.`),
		"the image tower is a timm model: only CLIP's own ViT and ResNet towers are supported"},
	{regexp.MustCompile(`(^|\.)visual\.(patch_embed|blocks)\.`),
		"the image tower is EVA's: only CLIP's own ViT and ResNet towers are supported"},
	{regexp.MustCompile(`(^|\.)image_encoder\.model\.`),
		"the image tower is MobileCLIP's: only CLIP's own ViT and ResNet towers are supported"},
	{regexp.MustCompile(`(^|\.)vision_model\.(head\.(probe|attention)|embeddings\.patch_embedding\.bias)`),
		"a SigLIP model: only CLIP's own towers are supported"},
	{regexp.MustCompile(`(^|\.)text_decoder\.|(^|\.)visual\.attn_pool`),
		"a CoCa model: only CLIP's own towers are supported"},
	{regexp.MustCompile(`(^|\.)text\.transformer\.(embeddings|encoder|shared|embed_tokens)\b`),
		"the text tower is a HuggingFace language model: only CLIP's own text towers are supported"},
	{regexp.MustCompile(`(^|\.)positional_embedding_res$|(^|\.)position_embedding_res\.`),
		"a Long-CLIP model: its second positional table is not supported"},
	{regexp.MustCompile(`\.(SCB|weight_format|quant_state\.|qweight|qzeros|absmax)`),
		"quantised weights: use the checkpoint they were made from"},
}

// otherArchitecture names a model that is none of CLIP's own kind.
func otherArchitecture(f *File) error {
	for _, name := range f.Names() {
		for _, o := range otherArchitectures {
			if o.name.MatchString(name) {
				return fmt.Errorf("%s (%s is there)", o.what, printable.Escape(name))
			}
		}
	}
	return nil
}

// otherFormat names a file by its first bytes, and by its name where those
// tell nothing; nil if it is none of those known.
func otherFormat(head []byte, path string) error {
	starts := func(magic string) bool { return bytes.HasPrefix(head, []byte(magic)) }
	base := strings.ToLower(filepath.Base(path))
	ext := filepath.Ext(base)
	fromWhere := "use the PyTorch or safetensors file it was made from"
	switch {
	case starts("version https://git-lfs"):
		return errors.New("a Git LFS pointer, not the weights: run git lfs pull")
	case starts("<"):
		return errors.New("an HTML or XML page, not weights: the download went wrong")
	case starts("\x1f\x8b"):
		return errors.New("gzip data: unpack it first")
	case len(head) > 262 && string(head[257:262]) == "ustar":
		return errors.New("a tar archive, which PyTorch wrote before 0.1.10: save it again with a newer PyTorch")
	case starts("GGUF") || ext == ".gguf":
		return errors.New("a GGUF file (llama.cpp, clip.cpp): " + fromWhere)
	case starts("\x89HDF\r\n\x1a\n") || ext == ".h5":
		return errors.New("an HDF5 file (Keras, tf_model.h5): load it in transformers with from_tf=True and " +
			"save_pretrained it, or " + fromWhere)
	case len(head) >= 8 && string(head[4:8]) == "TFL3":
		return errors.New("a TensorFlow Lite model: " + fromWhere)
	case starts("\x93NUMPY"):
		return errors.New("a NumPy array, not a checkpoint")
	case ext == ".onnx" || len(head) > 4 && head[0] == 8 && head[1] < 32 && head[2] == 0x12:
		return errors.New("an ONNX model: " + fromWhere)
	case ext == ".msgpack" || starts("\x81\xa6params") || starts("\x82\xaatext_model"):
		return errors.New("a Flax checkpoint: load it in transformers with from_flax=True and save_pretrained it, or " +
			fromWhere)
	case ext == ".pb" || ext == ".tflite" || strings.HasSuffix(base, ".ckpt.index") || strings.Contains(base,
		".data-00000-of-"):
		return errors.New("a TensorFlow model: load it in transformers with from_tf=True and save_pretrained it, or " +
			fromWhere)
	}
	return nil
}

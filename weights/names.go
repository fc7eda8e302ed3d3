package weights

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Layout says whose parameter names a checkpoint uses.
type Layout uint8

// The layouts that are recognised.
const (
	LayoutOpenAI       Layout = iota + 1 // OpenAI's, and open_clip's CLIP class
	LayoutOpenCLIPText                   // open_clip's CustomTextCLIP: text tower under "text."
	LayoutHuggingFace                    // transformers' CLIPModel
)

// String names the layout as the convert command spells it.
func (l Layout) String() string {
	switch l {
	case LayoutOpenAI:
		return "openai"
	case LayoutOpenCLIPText:
		return "open_clip-text"
	case LayoutHuggingFace:
		return "huggingface"
	}
	return fmt.Sprintf("Layout(%d)", uint8(l))
}

// nameRow maps one parameter. {i} stands for a block's number. Where
// HuggingFace keeps three tensors for one of OpenAI's, {qkv} stands for q, k
// and v in that order; where it keeps a matrix as a linear layer's weight, the
// matrix is transposed. hf is empty where HuggingFace has no such parameter.
type nameRow struct {
	openai, hf string
	transpose  bool
}

// nameTable holds every parameter of CLIP. The canonical
// name is OpenAI's; open_clip's CustomTextCLIP puts "text." before the names of
// the text tower. HuggingFace's spelling "pre_layrnorm" is its own.
var nameTable = append([]nameRow{
	{openai: "logit_scale", hf: "logit_scale"},

	{openai: "visual.class_embedding", hf: "vision_model.embeddings.class_embedding"},
	{openai: "visual.conv1.weight", hf: "vision_model.embeddings.patch_embedding.weight"},
	{openai: "visual.positional_embedding", hf: "vision_model.embeddings.position_embedding.weight"},
	{openai: "visual.ln_pre.weight", hf: "vision_model.pre_layrnorm.weight"},
	{openai: "visual.ln_pre.bias", hf: "vision_model.pre_layrnorm.bias"},
	{openai: "visual.ln_post.weight", hf: "vision_model.post_layernorm.weight"},
	{openai: "visual.ln_post.bias", hf: "vision_model.post_layernorm.bias"},
	{openai: "visual.proj", hf: "visual_projection.weight", transpose: true},

	{openai: "token_embedding.weight", hf: "text_model.embeddings.token_embedding.weight"},
	{openai: "positional_embedding", hf: "text_model.embeddings.position_embedding.weight"},
	{openai: "ln_final.weight", hf: "text_model.final_layer_norm.weight"},
	{openai: "ln_final.bias", hf: "text_model.final_layer_norm.bias"},
	{openai: "text_projection", hf: "text_projection.weight", transpose: true},
}, slices.Concat(blockRows("visual.transformer", "vision_model"), blockRows("transformer", "text_model"),
	resNetRows())...)

// blockRows is the part of the table both towers share.
func blockRows(openai, hf string) []nameRow {
	o, h := openai+".resblocks.{i}.", hf+".encoder.layers.{i}."
	var rows []nameRow
	for _, r := range [][2]string{
		{"ln_1", "layer_norm1"},
		{"attn.in_proj_", "self_attn.{qkv}_proj"},
		{"attn.out_proj", "self_attn.out_proj"},
		{"ln_2", "layer_norm2"},
		{"mlp.c_fc", "mlp.fc1"},
		{"mlp.c_proj", "mlp.fc2"},
	} {
		for _, kind := range []string{"weight", "bias"} {
			dot := "."
			if strings.HasSuffix(r[0], "_") { // in_proj_weight, not in_proj.weight
				dot = ""
			}
			rows = append(rows, nameRow{openai: o + r[0] + dot + kind, hf: h + r[1] + "." + kind})
		}
	}
	return rows
}

// ignoredNames are tensors that hold no parameter: OpenAI's archive keeps
// three sizes beside the weights, older HuggingFace files their position
// indices, and open_clip's first releases the causal mask.
var ignoredNames = map[string]bool{
	"input_resolution": true, "context_length": true, "vocab_size": true,
	"attn_mask": true, "text.attn_mask": true,
	"text_model.embeddings.position_ids":   true,
	"vision_model.embeddings.position_ids": true,
}

// isIgnored reports whether a tensor of that name holds no parameter.
func isIgnored(name string) bool {
	return ignoredNames[name] || strings.HasPrefix(name, "visual.") && IsCounter(name)
}

// textPrefix is where open_clip's CustomTextCLIP keeps the text tower.
const textPrefix = "text."

func isTextName(openai string) bool {
	return openai != "logit_scale" && !strings.HasPrefix(openai, "visual.")
}

// foreignNames gives the names of a row in a layout, numbered block i, in the
// order their tensors are stacked.
func (r nameRow) foreignNames(l Layout, i int) []string {
	name := r.openai
	switch l {
	case LayoutHuggingFace:
		name = r.hf
	case LayoutOpenCLIPText:
		if isTextName(name) {
			name = textPrefix + name
		}
	}
	name = strings.ReplaceAll(name, "{i}", strconv.Itoa(i))
	if !strings.Contains(name, "{qkv}") {
		return []string{name}
	}
	return []string{
		strings.ReplaceAll(name, "{qkv}", "q"),
		strings.ReplaceAll(name, "{qkv}", "k"),
		strings.ReplaceAll(name, "{qkv}", "v"),
	}
}

func (r nameRow) perBlock() bool { return strings.Contains(r.openai, "{i}") }

func (r nameRow) canonical(i int) string {
	return strings.ReplaceAll(r.openai, "{i}", strconv.Itoa(i))
}

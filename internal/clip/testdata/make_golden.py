"""Writes the small golden models of package clip and what PyTorch makes of them.

Checked with torch 2.15, transformers 5.23, open_clip 3.3, safetensors 0.8.
Run in this folder:  python make_golden.py

A model of a few layers gets seeded random weights that fp16 holds exactly. It
is built three times, as transformers' CLIPModel, as open_clip's CLIP (which
has OpenAI's names) and as open_clip's CustomTextCLIP, each saved by its own
names. Features, logits, the contrastive loss and its gradient with respect to
every parameter come from open_clip's CLIP; the other two must agree.
"""

import math
import os
import sys

import open_clip
import torch
import transformers
from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg, CustomTextCLIP
from safetensors.torch import save_file

torch.use_deterministic_algorithms(True)


class Size:
    def __init__(self, embed, image, patch, vwidth, vlayers, vheads, context, vocab, twidth, tlayers, theads):
        self.embed, self.image, self.patch = embed, image, patch
        self.vwidth, self.vlayers, self.vheads = vwidth, vlayers, vheads
        self.context, self.vocab, self.twidth, self.tlayers, self.theads = context, vocab, twidth, tlayers, theads


TINY = Size(20, 16, 4, 24, 2, 2, 12, 60, 16, 3, 2)


def open_clip_model(kind, s, quick):
    vision = CLIPVisionCfg(layers=s.vlayers, width=s.vwidth, head_width=s.vwidth // s.vheads,
                           patch_size=s.patch, image_size=s.image)
    text = CLIPTextCfg(context_length=s.context, vocab_size=s.vocab, width=s.twidth, heads=s.theads, layers=s.tlayers)
    return kind(s.embed, vision, text, quick_gelu=quick).eval()


def hf_model(s, quick):
    act = "quick_gelu" if quick else "gelu"
    config = transformers.CLIPConfig(
        text_config=dict(vocab_size=s.vocab, hidden_size=s.twidth, intermediate_size=4 * s.twidth,
                         num_hidden_layers=s.tlayers, num_attention_heads=s.theads, max_position_embeddings=s.context,
                         hidden_act=act, eos_token_id=s.vocab - 1, bos_token_id=s.vocab - 2, pad_token_id=0),
        vision_config=dict(hidden_size=s.vwidth, intermediate_size=4 * s.vwidth, num_hidden_layers=s.vlayers,
                           num_attention_heads=s.vheads, image_size=s.image, patch_size=s.patch, hidden_act=act),
        projection_dim=s.embed)
    config._attn_implementation = "eager"
    return transformers.CLIPModel(config).eval()


def fill(model, seed):
    """Weights as of a model at work: layer norms near 1, products that keep their scale."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            r = torch.randn(p.shape, generator=g)
            if name == "logit_scale":
                r = torch.tensor(math.log(100.0))
            elif name.endswith("bias"):
                r = 0.1 * r
            elif p.dim() == 1 and name.endswith("weight"):
                r = 1 + 0.1 * r
            elif "embedding" in name:
                r = 0.3 * r
            else:
                fan = p[0].numel() if name.endswith("weight") else p.shape[0]
                r = r / math.sqrt(fan)
            p.copy_(r.half().float())


def to_hf(sd, s):
    """OpenAI's names to transformers'."""
    out = {"logit_scale": sd["logit_scale"]}
    plain = {
        "visual.class_embedding": "vision_model.embeddings.class_embedding",
        "visual.conv1.weight": "vision_model.embeddings.patch_embedding.weight",
        "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight",
        "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
        "positional_embedding": "text_model.embeddings.position_embedding.weight",
    }
    norms = {"visual.ln_pre": "vision_model.pre_layrnorm", "visual.ln_post": "vision_model.post_layernorm",
             "ln_final": "text_model.final_layer_norm"}
    for k, v in plain.items():
        out[v] = sd[k]
    out["visual_projection.weight"] = sd["visual.proj"].t()
    out["text_projection.weight"] = sd["text_projection"].t()
    for k, v in norms.items():
        for kind in ("weight", "bias"):
            out[f"{v}.{kind}"] = sd[f"{k}.{kind}"]
    for ours, theirs, n in (("visual.transformer", "vision_model", s.vlayers), ("transformer", "text_model", s.tlayers)):
        for i in range(n):
            a, b = f"{ours}.resblocks.{i}.", f"{theirs}.encoder.layers.{i}."
            for kind in ("weight", "bias"):
                for x, part in zip("qkv", sd[f"{a}attn.in_proj_{kind}"].chunk(3)):
                    out[f"{b}self_attn.{x}_proj.{kind}"] = part
                for k, v in (("ln_1", "layer_norm1"), ("ln_2", "layer_norm2"), ("attn.out_proj", "self_attn.out_proj"),
                             ("mlp.c_fc", "mlp.fc1"), ("mlp.c_proj", "mlp.fc2")):
                    out[f"{b}{v}.{kind}"] = sd[f"{a}{k}.{kind}"]
    return {k: v.contiguous() for k, v in out.items()}


def to_text_prefix(sd):
    return {k if k == "logit_scale" or k.startswith("visual.") else "text." + k: v for k, v in sd.items()}


def parameters(model):
    return {k: p.detach() for k, p in model.named_parameters()}


def build(s, quick, seed):
    """The same weights in the three implementations."""
    plain = open_clip_model(CLIP, s, quick)
    fill(plain, seed)
    sd = parameters(plain)
    custom = open_clip_model(CustomTextCLIP, s, quick)
    missing, unexpected = custom.load_state_dict(to_text_prefix(sd), strict=False)
    assert not unexpected and all("attn_mask" in m for m in missing), (missing, unexpected)
    hf = hf_model(s, quick)
    missing, unexpected = hf.load_state_dict(to_hf(sd, s), strict=False)
    assert not unexpected and all("position_ids" in m for m in missing), (missing, unexpected)
    return plain, custom, hf


def inputs(s, images, prompts, seed):
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(images, 3, s.image, s.image, generator=g)
    tokens = torch.zeros(prompts, s.context, dtype=torch.int64)
    stem = torch.randint(1, s.vocab - 2, (s.context,), generator=g)
    for i in range(prompts):
        n = 1 + int(torch.randint(0, s.context - 2, (1,), generator=g))  # tokens between start and end
        shared = min(n, i % 4)
        body = torch.randint(1, s.vocab - 2, (n,), generator=g)
        body[:shared] = stem[:shared]
        tokens[i, 0], tokens[i, 1 + n] = s.vocab - 2, s.vocab - 1
        tokens[i, 1:1 + n] = body
    return x, tokens


def run(model, x, tokens):
    """Features not normalised, and logits under the learned scale."""
    if isinstance(model, transformers.CLIPModel):
        image, text = model.get_image_features(pixel_values=x), model.get_text_features(input_ids=tokens)
        image, text = (getattr(f, "pooler_output", f) for f in (image, text))
    else:
        image, text = model.encode_image(x), model.encode_text(tokens)
    unit = lambda f: f / f.norm(dim=-1, keepdim=True)
    return image, text, model.logit_scale.exp() * unit(image) @ unit(text).t()


def contrastive(logits):
    n = torch.arange(len(logits))
    ce = torch.nn.functional.cross_entropy
    return (ce(logits, n) + ce(logits.t(), n)) / 2


def agree(models, x, tokens, tol):
    with torch.no_grad():
        first = run(models[0], x, tokens)
        for m in models[1:]:
            for a, b in zip(first, run(m, x, tokens)):
                assert (a - b).abs().max() <= tol * a.abs().max(), (type(m), (a - b).abs().max())
    return first


def half(sd):
    return {k: v.half() for k, v in sd.items()}


def main():
    for name, quick in (("quickgelu", True), ("gelu", False)):
        s = TINY
        plain, custom, hf = build(s, quick, seed=1)
        x, tokens = inputs(s, 5, 5, seed=2)
        image, text, logits = agree((plain, custom, hf), x, tokens, 2e-6)
        golden = {"images": x, "tokens": tokens, "image_features": image, "text_features": text, "logits": logits}
        if quick:
            torch.save(half(parameters(plain)), "tiny_openai.pt")
            torch.save({"state_dict": half(parameters(custom))}, "tiny_text_prefix.pt")
            save_file(half({k: v for k, v in hf.state_dict().items() if "position_ids" not in k}), "tiny_hf.safetensors")
            with torch.no_grad():  # a scale at which the softmax is not saturated
                plain.logit_scale.fill_(1.5)
            loss = contrastive(run(plain.double(), x.double(), tokens)[2])
            loss.backward()
            golden["loss"] = loss.detach()
            for k, p in plain.named_parameters():
                golden["grad." + k] = p.grad.float()
        save_file({k: v.detach().contiguous().to(torch.int32) if k == "tokens" else v.detach().float().contiguous()
                   for k, v in golden.items()}, f"golden_{name}.safetensors")
    print("torch", torch.__version__, "transformers", transformers.__version__, "open_clip", open_clip.__version__)


if __name__ == "__main__":
    os.chdir(os.path.dirname(os.path.abspath(sys.argv[0])))
    main()

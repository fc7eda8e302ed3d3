#!/usr/bin/env python3
"""Makes the small checkpoints the tests read, and the values they must give.

Run with torch, safetensors and transformers installed:

    python3 make_fixtures.py

The files in the tree were made with torch 2.15.0, safetensors 0.8.0 and
transformers 5.23.0. Weights are random (seed 0) and rounded to float16, so that
every file of the miniature CLIP, whatever its precision, holds the same
numbers: those of clip.safetensors.
"""

import json
import os
import zipfile
from collections import OrderedDict

import torch
from safetensors.torch import save_file
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))

VISION = dict(width=16, layers=2, patch=4, grid=2)
TEXT = dict(width=8, layers=2, vocab=11, context=6)
EMBED = 12


def here(name):
    return os.path.join(HERE, name)


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.attn = nn.MultiheadAttention(width, 1)
        self.ln_1 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(OrderedDict(
            c_fc=nn.Linear(width, 4 * width), gelu=nn.GELU(), c_proj=nn.Linear(4 * width, width)))
        self.ln_2 = nn.LayerNorm(width)

    def forward(self, x):
        return x + self.mlp(x)


class Transformer(nn.Module):
    def __init__(self, width, layers):
        super().__init__()
        self.resblocks = nn.Sequential(*[Block(width) for _ in range(layers)])

    def forward(self, x):
        return self.resblocks(x)


class Vision(nn.Module):
    def __init__(self, width, layers, patch, grid):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, patch, patch, bias=False)
        self.class_embedding = nn.Parameter(torch.randn(width))
        self.positional_embedding = nn.Parameter(torch.randn(grid * grid + 1, width))
        self.ln_pre = nn.LayerNorm(width)
        self.transformer = Transformer(width, layers)
        self.ln_post = nn.LayerNorm(width)
        self.proj = nn.Parameter(torch.randn(width, EMBED))

    def forward(self, x):
        return self.transformer(x)


class CLIP(nn.Module):
    """The attribute names of OpenAI's model; the computation does not matter."""

    def __init__(self, scripted=False):
        super().__init__()
        if scripted:
            for name, value in dict(input_resolution=8, context_length=6, vocab_size=11).items():
                self.register_buffer(name, torch.tensor(value))
        self.positional_embedding = nn.Parameter(torch.randn(TEXT["context"], TEXT["width"]))
        self.text_projection = nn.Parameter(torch.randn(TEXT["width"], EMBED))
        self.logit_scale = nn.Parameter(torch.tensor(4.6055))
        self.visual = Vision(**VISION)
        self.transformer = Transformer(TEXT["width"], TEXT["layers"])
        self.token_embedding = nn.Embedding(TEXT["vocab"], TEXT["width"])
        self.ln_final = nn.LayerNorm(TEXT["width"])

    def forward(self, x):
        return self.visual(x) * self.logit_scale.exp()


def halve(model):
    """The precisions of OpenAI's archives: matrices in float16, the rest in float32."""
    for m in model.modules():
        if isinstance(m, (nn.Conv2d, nn.Linear)):
            m.half()
        if isinstance(m, nn.MultiheadAttention):
            m.in_proj_weight.data = m.in_proj_weight.data.half()
            m.in_proj_bias.data = m.in_proj_bias.data.half()
    model.visual.proj.data = model.visual.proj.data.half()
    model.text_projection.data = model.text_projection.data.half()
    return model


def make_clip():
    torch.manual_seed(0)
    model = CLIP()
    for p in model.parameters():
        p.data = torch.randn_like(p).half().float() if p.dim() else p.data.half().float()
    state = model.state_dict()
    plain = OrderedDict((k, v.clone()) for k, v in state.items())
    save_file(plain, here("clip.safetensors"))
    torch.save(state, here("clip_zip.pt"))

    nested = {"epoch": 3, "name": "tiny", "lr": [0.1, 0.2],
              "state_dict": OrderedDict(("module." + k, nn.Parameter(v.bfloat16() if k.endswith("unused") else v.half()))
                                        for k, v in plain.items()),
              "optimizer": {"state": {0: {"step": torch.tensor(3.0), "exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 0.1, "params": [0]}]}}
    torch.save(nested, here("clip_nested.pt"))
    torch.save(OrderedDict((k, v.half()) for k, v in plain.items()), here("clip_legacy.pt"), _use_new_zipfile_serialization=False)

    text = OrderedDict()
    for k, v in plain.items():
        text[k if k.startswith("visual.") or k == "logit_scale" else "text." + k] = v.half()
    torch.save(text, here("clip_opencliptext.pt"))

    scripted = CLIP(scripted=True)
    scripted.load_state_dict(plain, strict=False)
    halve(scripted)
    traced = torch.jit.trace_module(scripted.eval(), {"forward": torch.zeros(1, VISION["width"]).half()}, check_trace=False)
    traced.save(here("clip_torchscript.pt"))
    drop_debug_records(here("clip_torchscript.pt"))
    make_huggingface(plain)


def drop_debug_records(path):
    """Leaves out the records that hold the paths of this machine's sources."""
    with zipfile.ZipFile(path) as z:
        kept = [(i, z.read(i)) for i in z.infolist() if not i.filename.endswith(".debug_pkl")]
    with zipfile.ZipFile(path, "w") as z:
        for info, data in kept:
            fresh = zipfile.ZipInfo(info.filename)
            fresh.compress_type = info.compress_type
            z.writestr(fresh, data)


def make_huggingface(plain):
    """transformers' own CLIPModel, filled by its parameter names."""
    from transformers import CLIPConfig, CLIPModel

    config = CLIPConfig(
        text_config=dict(hidden_size=TEXT["width"], intermediate_size=4 * TEXT["width"], num_hidden_layers=TEXT["layers"],
                         num_attention_heads=1, vocab_size=TEXT["vocab"], max_position_embeddings=TEXT["context"]),
        vision_config=dict(hidden_size=VISION["width"], intermediate_size=4 * VISION["width"], num_hidden_layers=VISION["layers"],
                           num_attention_heads=1, image_size=VISION["patch"] * VISION["grid"], patch_size=VISION["patch"]),
        projection_dim=EMBED)
    model = CLIPModel(config)
    out = OrderedDict()
    for k in model.state_dict():
        out[k] = huggingface_value(k, plain)
    model.load_state_dict(out, strict=True)
    out["text_model.embeddings.position_ids"] = torch.arange(TEXT["context"])[None]
    save_file({k: v.contiguous() for k, v in out.items()}, here("clip_huggingface.safetensors"), metadata={"format": "pt"})


def huggingface_value(k, plain):
    fixed = {
        "logit_scale": "logit_scale",
        "visual_projection.weight": "visual.proj", "text_projection.weight": "text_projection",
        "vision_model.embeddings.class_embedding": "visual.class_embedding",
        "vision_model.embeddings.patch_embedding.weight": "visual.conv1.weight",
        "vision_model.embeddings.position_embedding.weight": "visual.positional_embedding",
        "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
        "text_model.embeddings.position_embedding.weight": "positional_embedding",
    }
    if k in fixed:
        v = plain[fixed[k]]
        return v.T if k.endswith("_projection.weight") else v
    name = k.replace("vision_model.", "visual.").replace("text_model.", "")
    name = name.replace("pre_layrnorm", "ln_pre").replace("post_layernorm", "ln_post").replace("final_layer_norm", "ln_final")
    name = name.replace("encoder.layers", "transformer.resblocks").replace("layer_norm", "ln_")
    name = name.replace("self_attn", "attn").replace("mlp.fc1", "mlp.c_fc").replace("mlp.fc2", "mlp.c_proj")
    for i, part in enumerate("qkv"):
        if f".{part}_proj." in name:
            whole = plain[name.replace(f"{part}_proj.", "in_proj_")]
            return whole.chunk(3)[i]
    return plain[name]


def make_views():
    """Tensors that share storages, skip elements or repeat them."""
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    cube = torch.arange(24, dtype=torch.float16).reshape(2, 3, 4)
    tensors = {
        "base": base,
        "transposed": base.t(),
        "columns": base[:, 1:3],
        "row": base[2],
        "every_second": base[::2, ::3],
        "one_column": base[:, 5],
        "diagonal": base.diagonal(),
        "expanded": torch.tensor([1.5, -2.0]).expand(3, 2),
        "repeated_scalar": torch.tensor(7.0).expand(2, 2),
        "permuted": cube.permute(2, 0, 1),
        "cube_slice": cube[:, 1:, ::2],
        "scalar": torch.tensor(-0.25),
        "one_by_one": torch.tensor([[3.0]]),
        "empty": torch.zeros(0, 3),
        "channels_last": torch.arange(24.0).reshape(1, 2, 3, 4).contiguous(memory_format=torch.channels_last),
        "parameter": nn.Parameter(torch.tensor([1.0, 2.0])),
    }
    torch.save(tensors, here("views.pt"))
    torch.save(tensors, here("views_legacy.pt"), _use_new_zipfile_serialization=False)
    torch.save(tensors, here("views_protocol4.pt"), pickle_protocol=4)
    expected(here("views.json"), tensors)


def make_dtypes():
    """Every element type with its extremes, subnormals and specials."""
    floats = [0.0, -0.0, 1.0, -1.5, 1 / 3, 65504.0, 6e-8, -6.1e-5, 3.4e38, 1e-40, float("inf"), float("-inf"), float("nan")]
    tensors = {f"f_{d}": torch.tensor(floats, dtype=torch.float64).to(getattr(torch, d))
               for d in ("float64", "float32", "float16", "bfloat16")}
    for d in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32"):
        info = torch.iinfo(getattr(torch, d))
        tensors[f"i_{d}"] = torch.tensor([info.min, 0, 1, 7, info.max], dtype=getattr(torch, d))
    tensors["i_uint64"] = torch.tensor([0, 1, 2**40], dtype=torch.uint64)
    tensors["b_bool"] = torch.tensor([True, False, True])
    torch.save(tensors, here("dtypes.pt"))
    save_file(tensors, here("dtypes.safetensors"))
    expected(here("dtypes.json"), tensors)


def expected(path, tensors):
    """Values as float32 bit patterns, and as integers where they are."""
    out = {}
    for name, t in tensors.items():
        t = t.detach()
        flat = t.contiguous().reshape(-1)
        out[name] = {"dtype": str(t.dtype).removeprefix("torch."), "shape": list(t.shape),
                     "bits": [x & 0xFFFFFFFF for x in flat.to(torch.float32).view(torch.int32).tolist()]}
        if not t.is_floating_point():
            out[name]["ints"] = [int(x) for x in flat.tolist()]
    with open(path, "w") as f:
        json.dump(out, f)
        f.write("\n")


if __name__ == "__main__":
    make_clip()
    make_views()
    make_dtypes()

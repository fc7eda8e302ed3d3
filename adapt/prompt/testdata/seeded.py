"""CLIP models whose weights are a function of their names, the same in Python
and in Go (see seeded_test.go), so that no weights need to be stored.

Element i of tensor NAME is scale * (2u - 1), where u in [0, 1) are the upper 24
bits of splitmix64's output i + 1 from the state fnv1a64(NAME).
"""

import math

import numpy as np
import torch
from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg

M64 = (1 << 64) - 1


def fnv1a(name):
    h = 0xCBF29CE484222325
    for b in name.encode():
        h = ((h ^ b) * 0x100000001B3) & M64
    return h


def uniform(name, shape, scale):
    n = int(np.prod(shape, dtype=np.int64))
    with np.errstate(over="ignore"):
        z = np.uint64(fnv1a(name)) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    u = (z >> np.uint64(40)).astype(np.float32) / np.float32(1 << 24)
    v = (2 * u - 1) * np.float32(scale)
    return torch.from_numpy(v.astype(np.float32).reshape(shape))


def scale_of(name, shape):
    """Layer norms near 1, products that keep their scale."""
    if "embedding" in name:
        return 0.5
    if len(shape) < 2:
        return 0.2
    fan = int(np.prod(shape[1:])) if name.endswith("weight") else shape[0]
    return math.sqrt(3 / fan)


def parameter(name, shape):
    if name == "logit_scale":
        return torch.tensor(math.log(20.0), dtype=torch.float32)
    v = uniform(name, shape, scale_of(name, shape))
    if len(shape) == 1 and name.endswith("weight"):
        v = v + 1
    return v


def model(embed, image, patch, vwidth, vlayers, vheads, twidth, tlayers, theads):
    m = CLIP(embed,
             CLIPVisionCfg(layers=vlayers, width=vwidth, head_width=vwidth // vheads, patch_size=patch, image_size=image),
             CLIPTextCfg(width=twidth, heads=theads, layers=tlayers), quick_gelu=True).eval()
    with torch.no_grad():
        for name, p in m.named_parameters():
            p.copy_(parameter(name, tuple(p.shape)))
            p.requires_grad_(False)
    return m.double()


def small():
    return model(embed=16, image=16, patch=4, vwidth=32, vlayers=3, vheads=2, twidth=32, tlayers=3, theads=2)


def text_features(m, tokens, ctx, deep=()):
    """The padded computation: ctx [n or 1, M, W] behind SOT, deep[i] [M, W] at the input of block i + 1."""
    n, c = tokens.shape[0], ctx.shape[-2]
    x = m.token_embedding(tokens)
    x = torch.cat([x[:, :1], ctx.expand(n, -1, -1), x[:, 1 + c:]], 1) + m.positional_embedding
    for i, block in enumerate(m.transformer.resblocks):
        if 0 < i <= len(deep):
            x = torch.cat([x[:, :1], deep[i - 1].expand(n, -1, -1), x[:, 1 + c:]], 1)
        x = block(x, attn_mask=m.attn_mask)
    x = m.ln_final(x)[torch.arange(n), tokens.argmax(-1)]
    return x @ m.text_projection


def image_features(m, images, prompts=()):
    """prompts[0] [M, W] behind the patches, prompts[i] in its place at the input of block i."""
    v, n = m.visual, images.shape[0]
    x = v.conv1(images).flatten(2).transpose(1, 2)
    x = torch.cat([v.class_embedding.expand(n, 1, -1), x], 1) + v.positional_embedding
    if len(prompts):
        x = torch.cat([x, prompts[0].expand(n, -1, -1)], 1)
    x = v.ln_pre(x)
    for i, block in enumerate(v.transformer.resblocks):
        if 0 < i < len(prompts):
            x = torch.cat([x[:, :-len(prompts[i])], prompts[i].expand(n, -1, -1)], 1)
        x = block(x)
    return v.ln_post(x[:, 0]) @ v.proj

#!/usr/bin/env python3
"""Writes augmix_golden.jsonl: AugMix's operations by Pillow on pictures drawn
by the formula of preprocess_golden.py, as SHA-256 of the 8-bit result, and
whole mixtures of random chains, as SHA-256 of the float32 tensor. The
operations are re-stated from the AugMix paper's description at severity 1.

Operation lines: ["op", width, height, seed, operation, level, negative, hash]
Mixture lines: ["mix", size, seed, mix, weights, chains, hash]
Run: python3 augmix_golden.py > augmix_golden.jsonl
(written with Pillow 13.0.0, torchvision 0.29.2, torch 2.15)
"""
import json
import random

import numpy as np
import torch
from PIL import Image, ImageOps
from preprocess_golden import MEAN, STD, picture, sha
from torchvision import transforms as T

NAMES = ["autocontrast", "equalize", "posterize", "rotate", "solarize", "shear-x", "shear-y", "translate-x", "translate-y"]


def apply(im, name, level, negative):
    w, h = im.size
    sign = -1 if negative else 1

    def affine(*matrix):
        return im.transform((w, h), Image.AFFINE, matrix, resample=Image.BILINEAR)

    if name == "autocontrast":
        return ImageOps.autocontrast(im)
    if name == "equalize":
        return ImageOps.equalize(im)
    if name == "posterize":
        return ImageOps.posterize(im, 4 - int(level * 4 / 10))
    if name == "rotate":
        return im.rotate(sign * int(level * 30 / 10), resample=Image.BILINEAR)
    if name == "solarize":
        return ImageOps.solarize(im, 256 - int(level * 256 / 10))
    if name == "shear-x":
        return affine(1, sign * (level * 0.3 / 10), 0, 0, 1, 0)
    if name == "shear-y":
        return affine(1, 0, 0, sign * (level * 0.3 / 10), 1, 0)
    if name == "translate-x":
        return affine(1, 0, sign * int(level * (w / 3) / 10), 0, 1, 0)
    return affine(1, 0, 0, 0, 1, sign * int(level * (h / 3) / 10))


def shrunken(w, h, seed):
    """A picture whose levels do not span the whole range."""
    return Image.fromarray((np.asarray(picture(w, h, seed)) // 3 + np.array([40, 0, 170])).astype(np.uint8))


rng = random.Random(21)
for op, name in enumerate(NAMES):
    for i in range(8):
        w, h = (1, 1) if i == 0 else (rng.randint(2, 250), rng.randint(2, 250))
        if i > 4:
            w = h = 224
        level, negative = rng.uniform(0.1, 1), rng.random() < 0.5
        out = apply(shrunken(w, h, i), name, level, negative)
        print(json.dumps(["op", w, h, i, op, level, negative, sha(np.asarray(out))]))

finish = T.Compose([T.ToTensor(), T.Normalize(MEAN, STD)])
for seed in range(6):
    size = rng.choice([32, 96, 224])
    im = shrunken(size, size, seed)
    mix = np.float32(rng.random())
    weights = np.random.default_rng(seed).dirichlet([1, 1, 1]).astype(np.float32)
    chains = [[[rng.randrange(9), rng.uniform(0.1, 1), rng.random() < 0.5] for _ in range(rng.randint(1, 3))] for _ in range(3)]
    mixed = torch.zeros(3, size, size)
    for w, chain in zip(weights, chains):
        x = im.copy()
        for op, level, negative in chain:
            x = apply(x, NAMES[op], level, negative)
        mixed += w * finish(x)
    out = mix * finish(im) + (1 - mix) * mixed
    assert out.dtype == torch.float32
    print(json.dumps(["mix", size, seed, float(mix), [float(w) for w in weights], chains, sha(out.numpy())]))

#!/usr/bin/env python3
"""Writes preprocess_views_golden.jsonl: torchvision's resized_crop and hflip
of pictures drawn by the formula of preprocess_golden.py, as SHA-256 of the
8-bit result. One line per case:
[width, height, seed, left, top, box width, box height, size, filter, flip, hash]

Run: python3 preprocess_views_golden.py > preprocess_views_golden.jsonl
(written with Pillow 13.0.0, torchvision 0.29.2).
"""
import json
import random

import numpy as np
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F

from preprocess_golden import picture, sha

rng = random.Random(8)
for i in range(80):
    w, h = rng.randint(1, 300), rng.randint(1, 300)
    bw, bh = rng.randint(1, w), rng.randint(1, h)
    x, y = rng.randint(0, w - bw), rng.randint(0, h - bh)
    size = rng.choice([32, 96, 224])
    name, mode = rng.choice([("bicubic", InterpolationMode.BICUBIC), ("bilinear", InterpolationMode.BILINEAR)])
    flip = rng.random() < 0.5
    view = F.resized_crop(picture(w, h, i), y, x, bh, bw, [size, size], mode)
    if flip:
        view = F.hflip(view)
    print(json.dumps([w, h, i, x, y, bw, bh, size, name, flip, sha(np.asarray(view))]))

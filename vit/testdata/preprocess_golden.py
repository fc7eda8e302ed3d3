#!/usr/bin/env python3
"""Writes preprocess_golden.jsonl: what Pillow and torchvision make of pictures
of many sizes, as SHA-256 of the 8-bit crop and of the float32 input, of a
bilinear resize, and of the crop with the pass order of Pillow before 13.

The pictures are drawn from a formula that the Go test repeats, so no picture
has to be kept. Run: python3 preprocess_golden.py > preprocess_golden.jsonl
(written with Pillow 13.0.0, torchvision 0.29.2, torch 2.15, numpy 2.4.6).
"""
import hashlib
import json
import random

import numpy as np
import PIL
import torch
import torchvision
from PIL import Image
from torchvision import transforms as T
from torchvision.transforms import InterpolationMode

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)


def picture(w, h, seed):
    """Noise with sharp edges: byte i is a mixed hash of i and the seed."""
    i = np.arange(w * h * 3, dtype=np.uint64)
    x = (i * np.uint64(2654435761) + np.uint64(seed) * np.uint64(40503)) & np.uint64(0xFFFFFFFF)
    x ^= x >> np.uint64(13)
    x = (x * np.uint64(1274126177)) & np.uint64(0xFFFFFFFF)
    x ^= x >> np.uint64(16)
    noise = (x & np.uint64(255)).astype(np.uint8).reshape(h, w, 3)
    yy, xx = np.mgrid[0:h, 0:w]
    flat = ((yy // 7 + xx // 5 + seed) % 3 == 0)
    noise[flat] = ((xx * 3 + yy * 5 + seed) % 256).astype(np.uint8)[flat][:, None]
    return Image.fromarray(noise, "RGB")


def sha(a):
    return hashlib.sha256(np.ascontiguousarray(a).tobytes()).hexdigest()[:24]


def main():
    rng = random.Random(5)
    sizes = [(1, 1), (1, 2), (2, 1), (1, 57), (57, 1), (1, 2000), (3000, 1), (2, 701), (224, 224), (225, 224),
             (224, 225), (224, 500), (500, 224), (223, 223), (448, 448), (449, 451), (500, 375), (375, 500),
             (227, 224), (229, 224), (231, 224), (1200, 900), (33, 32), (32, 33), (7, 5), (640, 480), (1023, 767)]
    while len(sizes) < 220:
        sizes.append((rng.randint(1, 700), rng.randint(1, 700)))
    cases = []
    for i, (w, h) in enumerate(sizes):
        size = 224 if i % 4 else rng.choice([32, 64, 96, 288, 336])
        im = picture(w, h, i)
        crop = T.Compose([T.Resize(size, interpolation=InterpolationMode.BICUBIC), T.CenterCrop(size)])(im)
        x = T.Normalize(MEAN, STD)(T.ToTensor()(crop)).numpy()
        out_w, out_h = rng.randint(1, 400), rng.randint(1, 400)
        linear = im.resize((out_w, out_h), Image.BILINEAR)
        # Pillow before 13 always resized horizontally first: two one-axis resizes are the same thing.
        full = T.Resize(size, interpolation=InterpolationMode.BICUBIC)(im).size
        older = T.CenterCrop(size)(im.resize((full[0], h), Image.BICUBIC).resize(full, Image.BICUBIC))
        cases.append([w, h, size, sha(np.asarray(im)), sha(np.asarray(crop)), sha(x), out_w, out_h, sha(np.asarray(linear)), sha(np.asarray(older))])
    print(json.dumps({"pillow": PIL.__version__, "torch": torch.__version__, "torchvision": torchvision.__version__}))
    for c in cases:
        print(json.dumps(c))


if __name__ == "__main__":
    main()

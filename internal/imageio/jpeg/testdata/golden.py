#!/usr/bin/env python3
"""Writes golden.jsonl: small JPEG files of many kinds with the SHA-256 of the
RGB pixels Pillow decodes from them.

One line per file: [description, width, height, hash, base64 of the file].
Run: python3 golden.py > golden.jsonl
Needs cjpeg (libjpeg-turbo-progs) for unusual sampling factors. Written with
Pillow 13.0.0 (libjpeg-turbo 3.2.0) and cjpeg 2.1.5.
"""
import base64
import hashlib
import io
import json
import random
import subprocess

import numpy as np
from PIL import Image

random.seed(11)
rng = np.random.default_rng(11)


def picture(w, h):
    """Smooth colour with a little noise."""
    small = rng.integers(0, 256, (max(2, h // 9), max(2, w // 9), 3), dtype=np.uint8)
    a = np.asarray(Image.fromarray(small).resize((w, h), Image.BICUBIC)).astype(int)
    return Image.fromarray((a + rng.integers(-9, 10, a.shape)).clip(0, 255).astype(np.uint8))


def emit(what, data):
    im = Image.open(io.BytesIO(data))
    rgb = np.asarray(im.convert("RGB"))
    digest = hashlib.sha256(rgb.tobytes()).hexdigest()[:24]
    print(json.dumps([what, im.width, im.height, digest, base64.b64encode(data).decode()]))


def pillow(im, **options):
    out = io.BytesIO()
    im.save(out, "JPEG", **options)
    # The standard Huffman tables make up most of a tiny file; keep them all the same.
    emit(f"{im.mode} {im.width}x{im.height} {options}", out.getvalue())


def cjpeg(im, *args):
    ppm = io.BytesIO()
    im.save(ppm, "PPM")
    data = subprocess.run(["cjpeg", *args], input=ppm.getvalue(), capture_output=True, check=True).stdout
    emit(f"{im.width}x{im.height} cjpeg {' '.join(args)}", data)


for (w, h) in [(1, 1), (3, 2), (5, 7), (17, 15), (33, 31)]:
    for subsampling in (0, 1, 2):
        pillow(picture(w, h), quality=random.choice([10, 50, 85, 97]), subsampling=subsampling, progressive=w % 4 == 3, optimize=True)
pillow(picture(64, 47), quality=75, subsampling=2)
pillow(picture(64, 47), quality=75, subsampling=2, progressive=True)
pillow(picture(31, 64), quality=90, subsampling=1, restart_marker_blocks=3)
pillow(picture(21, 19), quality=75, subsampling=0, keep_rgb=True)
pillow(picture(21, 19).convert("L"), quality=75)
pillow(picture(21, 19).convert("L"), quality=75, progressive=True)
pillow(picture(21, 19).convert("CMYK"), quality=75)
for sample in ("1x2", "4x1", "4x2", "2x4", "1x1,2x2,2x2", "2x2,2x1,1x2", "1x1,1x1,1x1"):
    cjpeg(picture(21, 19), "-quality", "80", "-sample", sample, "-optimize")
    cjpeg(picture(35, 18), "-quality", "80", "-sample", sample, "-progressive")
cjpeg(picture(45, 45), "-quality", "80", "-sample", "2x2", "-optimize", "-restart", "2B")

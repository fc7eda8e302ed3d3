#!/usr/bin/env python3
"""Writes golden.jsonl: small JPEG files of many kinds with the SHA-256 of the
RGB pixels Pillow decodes from them.

One line per file: [description, width, height, hash, base64 of the file].
Run: python3 golden.py > golden.jsonl
With an argument N it writes N files of random kinds instead, for a longer check:
    python3 golden.py 1000 > many.jsonl
    JPEG_GOLDENS=$PWD/many.jsonl go test -run Pillow ./internal/imageio/jpeg
Needs cjpeg (libjpeg-turbo-progs) for unusual sampling factors. Written with
Pillow 13.0.0 (libjpeg-turbo 3.2.0) and cjpeg 2.1.5.
"""
import base64
import hashlib
import io
import json
import random
import subprocess
import sys

import numpy as np
from PIL import Image, ImageFile

ImageFile.MAXBLOCK = 1 << 24  # room for a whole progressive file
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
    options.update({"exif": "orientation"} if "exif" in options else {})
    emit(f"{im.mode} {im.width}x{im.height} {options}", out.getvalue())


def cjpeg(im, *args):
    ppm = io.BytesIO()
    im.save(ppm, "PPM")
    data = subprocess.run(["cjpeg", *args], input=ppm.getvalue(), capture_output=True, check=True).stdout
    emit(f"{im.width}x{im.height} cjpeg {' '.join(args)}", data)


def small_set():
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
    turned = Image.Exif()
    turned[0x0112] = 6  # an orientation, which Image.open leaves alone
    pillow(picture(21, 19), quality=75, exif=turned.tobytes())


SAMPLINGS = ["1x1", "1x2", "2x1", "2x2", "4x1", "4x2", "1x4", "2x4", "1x1,2x2,2x2", "2x2,1x1,2x1", "2x2,1x2,1x2", "2x1,1x2,1x1", "4x1,2x1,1x1"]


def random_set(count):
    for _ in range(count):
        im = picture(random.randint(1, 300), random.randint(1, 300))
        args = ["-quality", str(random.randint(1, 100)), "-sample", random.choice(SAMPLINGS)]
        args += random.choice([[], ["-progressive"], ["-optimize"], ["-restart", "2"], ["-restart", "5B"], ["-grayscale"]])
        try:
            cjpeg(im, *args)
        except subprocess.CalledProcessError:  # more than ten blocks in a coding unit
            pillow(im, quality=random.randint(1, 100), subsampling=random.randint(0, 2), progressive=random.random() < 0.5)


if len(sys.argv) > 1:
    random_set(int(sys.argv[1]))
else:
    small_set()

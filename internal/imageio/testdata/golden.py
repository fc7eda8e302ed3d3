#!/usr/bin/env python3
"""Writes golden.jsonl: small PNG, GIF and WebP files of many kinds with the
SHA-256 of the RGB pixels Pillow decodes from them.

One line per file: [description, width, height, hash, base64 of the file].
Run: python3 golden.py > golden.jsonl
Written with Pillow 13.0.0 (libwebp 1.6.0).
"""
import base64
import hashlib
import io
import json
import struct
import warnings
import zlib

import numpy as np
from PIL import Image

warnings.simplefilter("ignore")
rng = np.random.default_rng(17)


def emit(what, data):
    im = Image.open(io.BytesIO(data))
    rgb = np.asarray(im.convert("RGB"))
    digest = hashlib.sha256(rgb.tobytes()).hexdigest()[:24]
    print(json.dumps([what, im.width, im.height, digest, base64.b64encode(data).decode()]))


def picture(w, h):
    small = rng.integers(0, 256, (max(2, h // 9), max(2, w // 9), 3), dtype=np.uint8)
    a = np.asarray(Image.fromarray(small).resize((w, h), Image.BICUBIC)).astype(int)
    return Image.fromarray((a + rng.integers(-9, 10, a.shape)).clip(0, 255).astype(np.uint8))


def with_alpha(im):
    im = im.copy()
    im.putalpha(Image.fromarray(rng.integers(0, 256, (im.height, im.width), dtype=np.uint8)))
    return im


def save(what, im, kind, **options):
    out = io.BytesIO()
    im.save(out, kind, **options)
    emit(f"{kind} {what} {im.mode} {im.width}x{im.height}", out.getvalue())


def png(w, h, depth, kind, rows, palette=None, transparent=None):
    def chunk(t, d):
        return struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d))

    b = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, kind, 0, 0, 0))
    if palette is not None:
        b += chunk(b"PLTE", palette)
    if transparent is not None:
        b += chunk(b"tRNS", transparent)
    return b + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + r for r in rows))) + chunk(b"IEND", b"")


def all_png_kinds():
    w, h = 13, 5
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
    for kind, depths in {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}.items():
        for depth in depths:
            stride = (w * channels[kind] * depth + 7) // 8
            rows = [rng.integers(0, 256, stride, dtype=np.uint8).tobytes() for _ in range(h)]
            if (kind, depth) == (0, 16):
                levels = [0, 1, 127, 128, 254, 255, 256, 300, 511, 1000, 32768, 65280, 65535]
                rows = [b"".join(struct.pack(">H", v) for v in levels)] * h
            palette = rng.integers(0, 256, 3 << depth, dtype=np.uint8).tobytes() if kind == 3 else None
            what = f"PNG kind {kind} depth {depth}"
            emit(what, png(w, h, depth, kind, rows, palette))
            if kind == 3:
                alphas = rng.integers(0, 256, 1 << depth, dtype=np.uint8).tobytes()
                emit(what + " transparency", png(w, h, depth, kind, rows, palette, alphas))
            elif kind in (0, 2):
                emit(what + " transparency", png(w, h, depth, kind, rows, None, b"\0\1" * channels[kind]))
    emit("PNG short palette", png(w, h, 8, 3, [bytes(range(5, 18))] * h, bytes(range(30))))


def gif(frame_at, screen_palette, frame_palette, transparent):
    """An 8 x 6 screen with a 4 x 3 frame of two-bit pixels."""
    b = b"GIF89a" + struct.pack("<HHBBB", 8, 6, 0x81 if screen_palette else 0, 3, 0) + (screen_palette or b"")
    if transparent is not None:
        b += b"\x21\xf9\x04" + struct.pack("<BHB", 1, 0, transparent) + b"\0"
    b += b"\x2c" + struct.pack("<HHHHB", *frame_at, 4, 3, 0x81 if frame_palette else 0) + (frame_palette or b"")
    acc = n = 0
    packed = bytearray()
    for i in range(12):
        for code in ([4] if i % 2 == 0 else []) + [i * 7 % 4] + ([5] if i == 11 else []):
            acc |= code << n
            n += 3
    packed = acc.to_bytes((n + 7) // 8, "little")
    return b + b"\x02" + bytes([len(packed)]) + packed + b"\0;"


all_png_kinds()
save("photo", picture(31, 22), "PNG")
save("photo", with_alpha(picture(31, 22)), "PNG")
for w, h in [(1, 1), (2, 3), (17, 31), (48, 33)]:
    im = picture(w, h)
    save("lossy", im, "WEBP", quality=70)
    save("lossy", with_alpha(im), "WEBP", quality=70)
save("lossless", picture(17, 9), "WEBP", lossless=True)
save("lossless", with_alpha(picture(17, 9)), "WEBP", lossless=True, exact=True)
save("animation", picture(17, 9), "WEBP", save_all=True, append_images=[picture(17, 9)], duration=50)
save("plain", picture(17, 9).quantize(16), "GIF", interlace=0)
save("interlaced", picture(17, 29).quantize(16), "GIF", interlace=1)
save("grey", picture(17, 9).convert("L").quantize(8), "GIF")
save("transparent", with_alpha(picture(9, 9)), "GIF")
save("animation", picture(9, 9).quantize(16), "GIF", save_all=True, append_images=[picture(9, 9).quantize(16)])
for at in ((0, 0), (2, 1), (6, 4)):
    for screen, frame in ((bytes(range(10, 22)), None), (None, bytes(range(100, 112))), (None, None)):
        for transparent in (None, 2):
            emit(f"GIF frame at {at} palettes {bool(screen)} {bool(frame)} transparent {transparent}", gif(at, screen, frame, transparent))

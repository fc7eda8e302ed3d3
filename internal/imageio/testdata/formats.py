#!/usr/bin/env python3
"""Writes formats.jsonl: small BMP, TIFF, PPM and other files of every kind that
scripts/pictures/seeds.py makes, and damaged.jsonl: damaged and odd files, each
with the SHA-256 of the RGB pixels that Pillow makes of it.

One line per file: [description, width, height, hash, base64 of the file]; the
hash is empty where Pillow refuses the file.
Run here: python3 formats.py
Written with Pillow 13.0.0 (libjpeg-turbo 3.2.0, libwebp 1.6.0, libtiff 4.7.2) on x86-64.
"""
import base64
import hashlib
import io
import json
import pathlib
import random
import struct
import sys
import tempfile
import warnings
import zlib

import numpy as np
from PIL import Image

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "scripts" / "pictures"))
import differ  # noqa: E402
import seeds  # noqa: E402

warnings.simplefilter("ignore")


def line(what, data):
    try:
        im = Image.open(io.BytesIO(data))
        rgb = np.asarray(im.convert("RGB"))
        answer = [im.width, im.height, hashlib.sha256(rgb.tobytes()).hexdigest()[:24]]
    except Exception:
        answer = [0, 0, ""]
    return json.dumps([what, *answer, base64.b64encode(data).decode()])


def made(sizes):
    seeds.SIZES = sizes
    with tempfile.TemporaryDirectory() as folder:
        seeds.OUT = pathlib.Path(folder)
        for make in (seeds.jpegs, seeds.pngs, seeds.gifs, seeds.webps, seeds.bmps, seeds.tiffs, seeds.ppms):
            make()
        return [(p.name, p.read_bytes()) for p in sorted(seeds.OUT.iterdir())]


def chunk(kind, data, wrong=0):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data) ^ wrong)


def pngs():
    w, h = 24, 18
    rng = np.random.default_rng(4)
    grey = [b"\0" + rng.integers(0, 256, w, dtype=np.uint8).tobytes() for _ in range(h)]
    small = [b"\0" + rng.integers(0, 8, w, dtype=np.uint8).tobytes() for _ in range(h)]
    head, end = b"\x89PNG\r\n\x1a\n", chunk(b"IEND", b"")

    def ihdr(kind, depth=8):
        return chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, kind, 0, 0, 0))

    z = zlib.compress(b"".join(grey))
    flat, zp = bytes(range(30, 60)), zlib.compress(b"".join(small))
    yield "png wrong CRC of the data", head + ihdr(0) + chunk(b"IDAT", z, 1) + end
    yield "png without its end", head + ihdr(0) + chunk(b"IDAT", z)
    yield "png cut in the data's CRC", (head + ihdr(0) + chunk(b"IDAT", z))[:-2]
    yield "png cut in the data's Adler sum", (head + ihdr(0) + chunk(b"IDAT", z))[:-6]
    yield "png wrong Adler sum", head + ihdr(0) + chunk(b"IDAT", z[:-1] + bytes([z[-1] ^ 1])) + end
    yield "png wrong Adler sum in a chunk of its own", head + ihdr(0) + chunk(b"IDAT", z[:-4]) + chunk(b"IDAT", b"1234") + end
    yield "png wrong CRC of the header", head + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, 8, 0, 0, 0, 0), 1) + chunk(b"IDAT", z) + end
    yield "png surplus rows", head + ihdr(0) + chunk(b"IDAT", zlib.compress(b"".join(grey * 2))) + end
    yield "png too few rows", head + ihdr(0) + chunk(b"IDAT", zlib.compress(b"".join(grey[:7]))) + end
    yield "png half a row too few", head + ihdr(0) + chunk(b"IDAT", zlib.compress(b"".join(grey)[:-9])) + end
    yield "png without palette", head + ihdr(3) + chunk(b"IDAT", zp) + end
    yield "png palette of 10 bytes", head + ihdr(3) + chunk(b"PLTE", flat[:10]) + chunk(b"IDAT", zp) + end
    yield "png grey with a palette and an odd tRNS", head + ihdr(0) + chunk(b"PLTE", flat) + chunk(b"tRNS", b"abcde") + chunk(b"IDAT", z) + end
    yield "png short tRNS", head + ihdr(0) + chunk(b"tRNS", b"a") + chunk(b"IDAT", z) + end
    yield "png wrong CRC of text after the data", head + ihdr(0) + chunk(b"IDAT", z) + chunk(b"tEXt", b"a\0b", 5) + end
    yield "png text after the data cut", head + ihdr(0) + chunk(b"IDAT", z) + chunk(b"tEXt", b"a\0b" * 9)[:-20]
    yield "png unknown filter", head + ihdr(0) + chunk(b"IDAT", zlib.compress(b"\5" + b"".join(grey)[1:])) + end
    yield "png text bomb", head + ihdr(0) + chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 21))) + chunk(b"IDAT", z) + end


def gif(size, w=20, h=12):
    """Codes of size + 1 bits, a clear code before each run."""
    rng = np.random.default_rng(size)
    codes, clear = [], 1 << size
    for i in range(w * h):
        if i % 60 == 0:
            codes.append(clear)
        codes.append(int(rng.integers(0, min(clear, 256))))
    width, n, acc, out, free = size + 1, 0, 0, bytearray(), clear + 2
    for c in codes + [clear + 1]:
        acc |= c << n
        n += width
        while n >= 8:
            out.append(acc & 255)
            acc, n = acc >> 8, n - 8
        if c == clear:
            width, free, first = size + 1, clear + 2, True
        elif first:
            first = False
        elif free < 4096:
            if free == (1 << width) - 1 and width < 12:
                width += 1
            free += 1
    out.append(acc & 255)
    blocks = b"".join(bytes([len(out[i : i + 255])]) + out[i : i + 255] for i in range(0, len(out), 255))
    palette = np.random.default_rng(1).integers(0, 256, 768, dtype=np.uint8).tobytes()
    return b"GIF89a" + struct.pack("<HHBBB", w, h, 0xF7, 0, 0) + palette + b"," + struct.pack("<HHHHB", 0, 0, w, h, 0) + bytes([size]) + blocks + b"\0;"


def jpeg(im, **options):
    out = io.BytesIO()
    im.save(out, "JPEG", **options)
    return out.getvalue()


def segments(data):
    """(marker, bytes) of each segment; a scan holds its data."""
    at = 2
    while data[at + 1] != 0xD9:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 1] == 0xDA:
            while data[end] != 0xFF or data[end + 1] == 0 or 0xD0 <= data[end + 1] <= 0xD7:
                end += 1
        yield data[at + 1], data[at:end]
        at = end


def jpegs():
    rng, eoi = np.random.default_rng(8), b"\xff\xd9"
    for k in range(12):
        data = jpeg(seeds.picture(32, 32), quality=60, subsampling=2 * (k % 2), progressive=k >= 6)
        parts = list(segments(data))
        noise = rng.integers(0, 255, 200, dtype=np.uint8).tobytes()  # no marker in it
        at = 0 if k < 6 else int(rng.integers(0, sum(m == 0xDA for m, _ in parts)))
        out, scan = b"\xff\xd8", 0
        for marker, body in parts:
            if marker == 0xDA:
                head = 2 + int.from_bytes(body[2:4], "big")
                body, scan = body[:head] + noise if scan == at else body, scan + 1
            out += body
        yield f"jpeg codes that do not exist and runs beyond the block {k}", out + eoi
    data = jpeg(seeds.picture(96, 96), quality=70, restart_marker_blocks=4)
    for n in (900, 1100, 1400, 1900):
        yield f"jpeg with restarts cut at {n}", data[:n] + eoi
    yield "jpeg with a restart marker gone", data.replace(b"\xff\xd3", b"", 1)
    yield "jpeg with a restart marker changed", data.replace(b"\xff\xd3", b"\xff\xd5", 1)
    for size in ((80, 64), (37, 29)):
        data = jpeg(seeds.picture(*size), quality=75, progressive=True)
        parts = list(segments(data))
        total = sum(m == 0xDA for m, _ in parts)
        for keep in range(1, total + 1):
            out, scans = b"\xff\xd8", 0
            for marker, body in parts:
                if scans < keep:
                    out += body
                scans += marker == 0xDA
            yield f"jpeg {size} first {keep} scans", out + eoi
            yield f"jpeg {size} first {keep} scans, the last cut", out[:-20] + eoi
    data = jpeg(seeds.picture(64, 48), quality=80)
    yield "jpeg without Huffman tables", b"\xff\xd8" + b"".join(b for m, b in segments(data) if m != 0xC4) + eoi
    yield "jpeg without its end", data[:-2]
    data = bytearray(jpeg(seeds.picture(40, 32, "CMYK"), quality=80))
    frame, scan = data.index(b"\xff\xc0"), data.index(b"\xff\xda")
    for i in range(4):
        data[frame + 10 + 3 * i], data[scan + 5 + 2 * i] = 67, 67
    yield "jpeg CMYK of one id", bytes(data)
    data = bytearray(jpeg(seeds.picture(48, 48), quality=90))
    for i in range(64):
        data[data.index(b"\xff\xdb") + 5 + i] = 255
    yield "jpeg beyond 16 bits", bytes(data)
    data = jpeg(seeds.picture(24, 24), quality=80)
    first, *rest = list(segments(data))
    yield "jpeg with an unknown marker", b"\xff\xd8" + first[1] + b"\xff\x77\0\2" + b"".join(b for _, b in rest) + eoi
    yield "jpeg followed by a second scan", data[:-2] + b"".join(b for m, b in rest if m == 0xDA) + eoi


def webps():
    for lossless in (False, True):
        out = io.BytesIO()
        seeds.picture(64, 48).save(out, "WEBP", lossless=lossless, quality=70)
        for cut in (1, 2, 9):
            yield f"webp {lossless} last {cut} bytes cut", out.getvalue()[:-cut]
        yield f"webp {lossless} with bytes after it", out.getvalue() + b"abc"


def damaged():
    for part in (jpegs(), pngs(), webps()):
        yield from part
    for size in range(0, 13):
        yield f"gif codes of {size} bits", gif(size)
    rng = random.Random(12)
    files = [(n, d) for n, d in made([(5, 3), (17, 9)]) if len(d) < 900]
    groups = {}
    for n, d in files:
        groups.setdefault(differ.kind_of(d), []).append((n, d))
    for kind in sorted(groups):
        for i in range(70):
            n, d = rng.choice(groups[kind])
            yield f"{kind} {n} mutation {i}", differ.mutate(rng, d)


if __name__ == "__main__":
    with open(HERE / "formats.jsonl", "w") as f:
        for name, data in made([(1, 1), (5, 3), (17, 9)]):
            if len(data) < 2500:
                print(line(name, data), file=f)
    with open(HERE / "damaged.jsonl", "w") as f:
        for what, data in damaged():
            print(line(what, data), file=f)

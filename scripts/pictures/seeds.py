#!/usr/bin/env python3
"""Writes small pictures of every format and kind that Pillow can write, and
some that it only reads, into a folder: seeds for differ.py --mutate and its
own check of the formats. The same files every time.

Run: python3 seeds.py FOLDER
"""
import itertools
import pathlib
import struct
import sys

import numpy as np
from PIL import Image, TiffImagePlugin

rng = np.random.default_rng(10)
count = 0


def name(kind, what):
    global count
    count += 1
    return OUT / f"{kind}_{count:04d}_{what}.{kind}"


def picture(w, h, mode="RGB"):
    small = rng.integers(0, 256, (max(2, h // 9), max(2, w // 9), 3), dtype=np.uint8)
    a = np.asarray(Image.fromarray(small).resize((w, h), Image.BICUBIC)).astype(int)
    im = Image.fromarray((a + rng.integers(-9, 10, a.shape)).clip(0, 255).astype(np.uint8))
    if mode == "P":
        return im.quantize(int(rng.integers(2, 256)))
    if mode == "PA16":
        return im.quantize(16)
    if mode in ("RGBA", "LA"):
        im = im.convert("RGB" if mode == "RGBA" else "L")
        im.putalpha(Image.fromarray(rng.integers(0, 256, (h, w), dtype=np.uint8)))
        return im
    if mode == "I;16":
        return Image.fromarray(rng.integers(0, 65536, (h, w), dtype=np.uint16))
    if mode == "I;16low":
        return Image.fromarray(rng.integers(0, 400, (h, w), dtype=np.uint16))
    if mode == "I":
        return Image.fromarray(rng.integers(-300, 600, (h, w), dtype=np.int32))
    if mode == "F":
        return Image.fromarray(rng.normal(128, 90, (h, w)).astype(np.float32))
    return im.convert(mode)


def save(kind, what, im, fmt, **options):
    try:
        im.save(name(kind, what), fmt, **options)
    except (OSError, ValueError, KeyError) as e:
        print(f"not written: {kind} {what} {im.mode}: {e}", file=sys.stderr)


SIZES = [(1, 1), (5, 3), (17, 9), (33, 40), (64, 48)]


def jpegs():
    for (w, h), sub, prog in itertools.product(SIZES[1:], (0, 1, 2), (False, True)):
        save("jpg", f"rgb{sub}{'p' if prog else ''}", picture(w, h), "JPEG", quality=int(rng.integers(30, 96)), subsampling=sub, progressive=prog)
    for mode, prog in itertools.product(("L", "CMYK"), (False, True)):
        save("jpg", mode, picture(40, 31, mode), "JPEG", quality=80, progressive=prog)
    for prog, rows in itertools.product((False, True), (0, 1)):
        save("jpg", "restarts", picture(96, 64), "JPEG", quality=70, progressive=prog, restart_marker_blocks=3, restart_marker_rows=rows)
    save("jpg", "rgbplanes", picture(40, 31), "JPEG", quality=85, keep_rgb=True)
    save("jpg", "optimised", picture(120, 90), "JPEG", quality=90, optimize=True)
    save("jpg", "larger", picture(300, 220), "JPEG", quality=85)
    save("jpg", "largerp", picture(300, 220), "JPEG", quality=85, progressive=True)


def pngs():
    for (w, h), mode in itertools.product(SIZES, ("1", "L", "LA", "P", "PA16", "RGB", "RGBA", "I;16")):
        save("png", mode.replace(";", ""), picture(w, h, mode), "PNG")
    for mode in ("L", "RGB", "P", "RGBA"):
        save("png", "photo" + mode, picture(120, 90, mode), "PNG", compress_level=9)
    save("png", "transparent", picture(20, 15, "P"), "PNG", transparency=bytes(range(0, 250, 10)))
    save("png", "animated", picture(20, 15), "PNG", save_all=True, append_images=[picture(20, 15)])


def gifs():
    for (w, h), inter in itertools.product(SIZES, (0, 1)):
        save("gif", "p", picture(w, h, "P"), "GIF", interlace=inter)
        save("gif", "l", picture(w, h, "L"), "GIF", interlace=inter)
    save("gif", "animated", picture(30, 20, "P"), "GIF", save_all=True, append_images=[picture(30, 20, "P")])
    save("gif", "rgba", picture(30, 20, "RGBA"), "GIF")


def webps():
    for (w, h), mode, lossless in itertools.product(SIZES[1:], ("RGB", "RGBA"), (False, True)):
        save("webp", mode, picture(w, h, mode), "WEBP", lossless=lossless, quality=70)
    save("webp", "animated", picture(30, 20), "WEBP", save_all=True, append_images=[picture(30, 20)])
    save("webp", "exif", picture(30, 20), "WEBP", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0", icc_profile=b"x" * 33)


def bmp(what, w, h, bits, rows, palette=b"", compression=0, header=40, masks=b"", top_down=False, colours=0):
    """One BMP by hand, for the kinds that Pillow does not write."""
    if header == 12:
        info = struct.pack("<IHHHH", 12, w, h, 1, bits)
    else:
        info = struct.pack("<IiiHHIIiiII", header, w, -h if top_down else h, 1, bits, compression, len(rows), 2835, 2835, colours, 0)
        info += masks if header > 40 else b""
        info += b"\0" * (header - len(info))
    tail = masks if header == 40 else b""
    at = 14 + len(info) + len(tail) + len(palette)
    name("bmp", what).write_bytes(b"BM" + struct.pack("<IHHI", at + len(rows), 0, 0, at) + info + tail + palette + rows)


def random_rows(w, h, bits):
    return rng.integers(0, 256, (w * bits + 31) // 32 * 4 * h, dtype=np.uint8).tobytes()


def rle(w, h, four):
    out = bytearray()
    for _ in range(h):
        x = 0
        while x < w:
            n = int(rng.integers(1, 9))
            if rng.random() < 0.5 or n < 3:
                out += bytes([n, int(rng.integers(0, 256))])
            else:
                body = rng.integers(0, 256, (n + 1) // 2 if four else n, dtype=np.uint8).tobytes()
                out += bytes([0, n]) + body + b"\0" * (len(body) & 1)
            x += n
        out += b"\0\0"
        if rng.random() < 0.1:
            out += b"\0\2" + bytes([int(rng.integers(0, w)), int(rng.integers(0, 3))])
    return bytes(out + b"\0\1")


def bmps():
    for (w, h), mode in itertools.product(SIZES, ("1", "L", "P", "RGB", "RGBA")):
        save("bmp", mode, picture(w, h, mode), "BMP")
    for (w, h), bits, top, header in itertools.product(SIZES[1:], (1, 4, 8, 16, 24, 32), (False, True), (12, 40, 64, 108, 124)):
        pal = b""
        if bits <= 8:
            pal = rng.integers(0, 256, (3 if header == 12 else 4) << bits, dtype=np.uint8).tobytes()
        bmp(f"{bits}bit{header}", w, h, bits, random_rows(w, h, bits), pal, header=header, top_down=top and header > 12)
    for (w, h), bits in itertools.product(SIZES[1:], (4, 8)):
        pal = rng.integers(0, 256, 4 << bits, dtype=np.uint8).tobytes()
        for top in (False, True):
            bmp(f"rle{bits}", w, h, bits, rle(w, h, bits == 4), pal, compression=2 if bits == 4 else 1, top_down=top)
    grey = b"".join(bytes([i, i, i, 0]) for i in range(256))
    bmp("grey", 9, 7, 8, random_rows(9, 7, 8), grey)
    bmp("rlegrey", 9, 7, 8, rle(9, 7, False), grey, compression=1)
    bmp("few", 9, 7, 8, random_rows(9, 7, 8), grey[:80], colours=20)
    for bits, masks in [(16, (0xF800, 0x7E0, 0x1F)), (16, (0x7C00, 0x3E0, 0x1F)), (24, (0xFF0000, 0xFF00, 0xFF)),
                        (32, (0xFF0000, 0xFF00, 0xFF)), (32, (0xFF000000, 0xFF0000, 0xFF00)), (32, (0xFF000000, 0xFF00, 0xFF)),
                        (16, (0xF00, 0xF0, 0xF))]:
        bmp("fields", 11, 6, bits, random_rows(11, 6, bits), compression=3, masks=struct.pack("<III", *masks))
    for masks in [(0xFF, 0xFF00, 0xFF0000, 0xFF000000), (0xFF0000, 0xFF00, 0xFF, 0xFF000000), (0xFF000000, 0xFF0000, 0xFF00, 0xFF),
                  (0xFF000000, 0xFF00, 0xFF, 0xFF0000), (0, 0, 0, 0)]:
        for header in (56, 108, 124):
            bmp("alpha", 11, 6, 32, random_rows(11, 6, 32), compression=3, header=header, masks=struct.pack("<IIII", *masks))


def tiffs():
    modes = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I;16low", "I", "F")
    methods = (None, "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "jpeg", "group3", "group4", "tiff_ccitt", "lzma", "zstd")
    for (w, h), mode, method in itertools.product(SIZES[1:], modes, methods):
        if method in ("group3", "group4", "tiff_ccitt") and mode != "1" or method == "jpeg" and mode not in ("L", "RGB", "CMYK", "YCbCr"):
            continue
        if method in ("lzma", "zstd") and (w, h) != (17, 9):
            continue
        save("tif", f"{mode}_{method}".replace(";", ""), picture(w, h, mode), "TIFF", compression=method)
    for mode, method, big in itertools.product(("L", "RGB", "RGBA", "I;16"), (None, "tiff_lzw", "tiff_adobe_deflate"), (False, True)):
        ifd = TiffImagePlugin.ImageFileDirectory_v2()
        if method:
            ifd[317] = 2  # differences of neighbours
        ifd[278] = 7  # rows per strip
        save("tif", f"{mode}_{method}_strips{'big' if big else ''}".replace(";", ""), picture(37, 25, mode), "TIFF", compression=method, tiffinfo=ifd, big_tiff=big)
    for order, bits, kind in itertools.product(("<", ">"), (8, 16), ("grey", "rgb", "rgba", "planar", "white", "tiles", "planartiles", "cmyk")):
        tiff_by_hand(order, bits, kind)
    for order, bits, photometric, fill in itertools.product(("<", ">"), (1, 2, 4, 8), (0, 1, 3), (1, 2)):
        tiff_bits(order, bits, photometric, fill)


def write_tiff(what, order, tags, data):
    """A classic TIFF of one picture. tags: number -> values; the strips follow the directory."""
    tags = dict(tags)
    strips = data if isinstance(data, list) else [data]
    at, count_ = (324, 325) if 322 in tags else (273, 279)
    tags[at], tags[count_] = [0] * len(strips), [len(s) for s in strips]
    size = 2 + 12 * len(tags) + 4
    extra_at, extra, entries = 8 + size, b"", {}
    for t in sorted(tags):
        values = tags[t] if isinstance(tags[t], (list, tuple)) else [tags[t]]
        code, n = ("I", 4) if t in (at, count_, 256, 257) else ("H", 2)
        entries[t] = (4 if n == 4 else 3, values, code, n)
        if n * len(values) > 4:
            extra += b"\0" * (n * len(values) + (n * len(values) & 1))
    position = extra_at + len(extra)
    offsets = []
    for s in strips:
        offsets.append(position)
        position += len(s)
    entries[at] = (4, offsets, "I", 4)
    directory, extra = struct.pack(order + "H", len(entries)), b""
    for t, (kind, values, code, n) in sorted(entries.items()):
        body = struct.pack(f"{order}{len(values)}{code}", *values)
        if len(body) > 4:
            place = struct.pack(order + "I", extra_at + len(extra))
            extra += body + b"\0" * (len(body) & 1)
        else:
            place = body + b"\0" * (4 - len(body))
        directory += struct.pack(order + "HHI", t, kind, len(values)) + place
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    name("tif", what).write_bytes(head + directory + b"\0\0\0\0" + extra + b"".join(strips))


def tiff_by_hand(order, bits, kind):
    w, h = 37, 21
    n = {"grey": 1, "white": 1, "rgba": 4, "cmyk": 4}.get(kind, 3)
    photometric = {"grey": 1, "white": 0, "cmyk": 5}.get(kind, 2)
    tags = {256: w, 257: h, 258: [bits] * n, 259: 1, 262: photometric, 277: n, 284: 2 if kind.startswith("planar") else 1}
    if kind == "rgba":
        tags[338] = 2
    bytes_ = bits // 8
    planes = n if kind.startswith("planar") else 1
    per = n // planes * bytes_
    if kind.endswith("tiles"):
        tags[322], tags[323] = 16, 16
        across, down = -(-w // 16), -(-h // 16)
        data = [rng.integers(0, 256, 16 * 16 * per, dtype=np.uint8).tobytes() for _ in range(planes * across * down)]
    else:
        tags[278] = 8
        data = [rng.integers(0, 256, w * per * min(8, h - y), dtype=np.uint8).tobytes() for _ in range(planes) for y in range(0, h, 8)]
    write_tiff(f"hand{bits}{kind}{'le' if order == '<' else 'be'}", order, tags, data)


def tiff_bits(order, bits, photometric, fill):
    w, h = 29, 13
    tags = {256: w, 257: h, 258: bits, 259: 1, 262: photometric, 266: fill, 277: 1, 278: h}
    if photometric == 3:
        tags[320] = [int(v) for v in rng.integers(0, 65536, 3 << bits)]
    write_tiff(f"bits{bits}photo{photometric}fill{fill}", order, tags, rng.integers(0, 256, (w * bits + 7) // 8 * h, dtype=np.uint8).tobytes())


def ppms():
    for (w, h), mode in itertools.product(SIZES, ("1", "L", "RGB", "I;16", "F")):
        save({"1": "pbm", "L": "pgm", "RGB": "ppm", "I;16": "pgm", "F": "pfm"}[mode], mode.replace(";", ""), picture(w, h, mode), "PPM")
    for maximum, magic, (w, h) in itertools.product((1, 7, 100, 255, 256, 1000, 65535), (2, 3, 5, 6), SIZES[1:4]):
        n = w * h * (3 if magic in (3, 6) else 1)
        values = rng.integers(0, maximum + 1, n)
        head = f"P{magic}\n# made by hand\n{w} {h}\n{maximum}\n".encode()
        if magic < 5:
            body = b"".join(b"%d%s" % (v, b"\n" if i % 11 == 10 else b" ") for i, v in enumerate(values))
        else:
            body = values.astype(">u2" if maximum > 255 else "u1").tobytes()
        name("ppm" if n != w * h else "pgm", f"p{magic}max{maximum}").write_bytes(head + body)
    for w, h in SIZES:
        bits = "".join(rng.choice(list("01 \n"), w * h * 3))
        name("pbm", "p1").write_bytes(f"P1 {w} {h}\n{bits}".encode())


if __name__ == "__main__":
    OUT = pathlib.Path(sys.argv[1])
    OUT.mkdir(parents=True, exist_ok=True)
    for make in (jpegs, pngs, gifs, webps, bmps, tiffs, ppms):
        make()

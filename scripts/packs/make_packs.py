"""Makes the picture packs of `clipcalib demo` (internal/demo/packs).

It fetches nothing. Beforehand, in one folder SRC:

    npm pack emoji-datasource-google@16.0.0 emoji-datasource-twitter@16.0.0 \\
        @lobehub/fluent-emoji-3d@1.1.0 @iconify-json/fluent-emoji-flat@1.2.6 \\
        @iconify-json/fluent-emoji-high-contrast@1.2.6 emojibase-data@17.0.0
    apt-get download dataset-fashion-mnist      # 0.0~git20200523.55506a9-1

each .tgz unpacked into SRC/NAME-VERSION (npm's "package/" folder stripped, a
scope's "@a/b" written "a-b") and the .deb into SRC/dataset-fashion-mnist with
`dpkg -x`. Python packages: pillow 13.0.0, numpy 2.4.6, resvg_py 0.5.0.

    python3 scripts/packs/make_packs.py SRC internal/demo/packs

Written: emoji-STYLE.png (a sheet of 32 px tiles per style), emoji.json,
fashion-FOLD.png (28 px grey tiles per fold), fashion.json. The same inputs
give the same bytes.
"""

import gzip
import hashlib
import io
import json
import os
import sys

import numpy as np
from PIL import Image
import resvg_py

import emoji_concepts

TILE = 32
COLUMNS = 32
FASHION_TILE = 28
FASHION_COLUMNS = 60
FASHION_SEED = "clipcalib-fashion-1"
# fold, file of the original, pictures a class
FASHION_FOLDS = (("shots", "train", 64), ("val", "train", 30), ("test", "t10k", 200))
FASHION_CLASSES = [
    "t-shirt or top", "pair of trousers", "pullover", "dress", "coat",
    "sandal", "shirt", "sneaker", "bag", "ankle boot",
]


def on_white(im):
    im = im.convert("RGBA")
    white = Image.new("RGBA", im.size, "white")
    return Image.alpha_composite(white, im).convert("RGB")


def shrink(im, size=TILE):
    return on_white(im).resize((size, size), Image.LANCZOS)


def render_svg(body, box, px=256):
    """An Iconify body on its view box, drawn at px pixels."""
    svg = (f'<svg xmlns="http://www.w3.org/2000/svg" color="#000" '
           f'viewBox="{box[0]} {box[1]} {box[2]} {box[3]}">{body}</svg>')
    png = resvg_py.svg_to_bytes(svg_string=svg, width=px, height=px,
                                skip_system_fonts=True)
    return Image.open(io.BytesIO(png))


class IconSet:
    """An Iconify set: bodies by name, aliases followed."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as f:
            self.data = json.load(f)

    def picture(self, name):
        d = self.data
        while name in d.get("aliases", {}):
            name = d["aliases"][name]["parent"]
        icon = d["icons"][name]
        box = [icon.get(k, d.get(k, default)) for k, default in
               (("left", 0), ("top", 0), ("width", 16), ("height", 16))]
        return render_svg(icon["body"], box)


def styles(src):
    """Style name, whether it is the source, and concept -> picture."""
    google = os.path.join(src, "emoji-datasource-google-16.0.0/img/google/64")
    twitter = os.path.join(src, "emoji-datasource-twitter-16.0.0/img/twitter/64")
    three = os.path.join(src, "lobehub-fluent-emoji-3d-1.1.0/assets")
    flat = IconSet(os.path.join(src, "iconify-json-fluent-emoji-flat-1.2.6/icons.json"))
    high = IconSet(os.path.join(src, "iconify-json-fluent-emoji-high-contrast-1.2.6/icons.json"))
    return (
        ("noto", "Noto", lambda c: Image.open(os.path.join(google, c["noto"]))),
        ("twemoji", "Twemoji", lambda c: Image.open(os.path.join(twitter, c["noto"]))),
        ("fluent-3d", "Fluent 3-D", lambda c: Image.open(os.path.join(three, c["three"]))),
        ("fluent-flat", "Fluent flat", lambda c: flat.picture(c["flat"])),
        ("fluent-high-contrast", "Fluent high contrast", lambda c: high.picture(c["high"])),
    )


def sheet(tiles, size, columns, mode):
    rows = -(-len(tiles) // columns)
    im = Image.new(mode, (columns * size, rows * size), "white" if mode == "RGB" else 0)
    for i, t in enumerate(tiles):
        im.paste(t, (i % columns * size, i // columns * size))
    return im


def save(im, path):
    im.save(path, optimize=True)
    print(f"{os.path.basename(path)}: {os.path.getsize(path)} bytes")


def write_json(value, path):
    with open(path, "w", encoding="utf-8") as f:
        json.dump(value, f, ensure_ascii=False, separators=(",", ":"))
        f.write("\n")
    print(f"{os.path.basename(path)}: {os.path.getsize(path)} bytes")


def make_emoji(src, out):
    concepts = [c for c in emoji_concepts.load(src) if c["fold"] != "pretrain"]
    index = {"tile": TILE, "columns": COLUMNS, "classes": list(emoji_concepts.CLASSES),
             "styles": [], "concepts": []}
    for name, title, picture in styles(src):
        tiles = [shrink(picture(c)) for c in concepts]
        # 256 colours halve the sheet; dithering would only add noise to tiles
        # this small.
        im = sheet(tiles, TILE, COLUMNS, "RGB")
        colours = 32 if name == "fluent-high-contrast" else 256
        small = im.quantize(colours, method=Image.MEDIANCUT, kmeans=2, dither=Image.Dither.NONE)
        err = np.abs(np.asarray(small.convert("RGB"), int) - np.asarray(im, int))
        print(f"{name}: mean error of the palette {err.mean():.2f} of 255")
        file = f"emoji-{name}.png"
        save(small, os.path.join(out, file))
        index["styles"].append({"name": name, "title": title, "file": file})
    for c in concepts:
        index["concepts"].append({"name": c["name"], "code": c["code"],
                                  "label": c["label"], "fold": c["fold"]})
    write_json(index, os.path.join(out, "emoji.json"))


def read_idx(path, header):
    with gzip.open(path) as f:
        raw = f.read()
    return np.frombuffer(raw, np.uint8, offset=header)


def make_fashion(src, out):
    base = os.path.join(src, "dataset-fashion-mnist/usr/share/datasets/fashion-mnist")
    index = {"tile": FASHION_TILE, "columns": FASHION_COLUMNS,
             "classes": FASHION_CLASSES, "folds": []}
    taken = {}
    for fold, part, count in FASHION_FOLDS:
        pixels = read_idx(f"{base}/{part}-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)
        labels = read_idx(f"{base}/{part}-labels-idx1-ubyte.gz", 8)
        chosen = []
        for label in range(len(FASHION_CLASSES)):
            ids = [int(i) for i in np.flatnonzero(labels == label)]
            ids.sort(key=lambda i: hashlib.sha256(f"{FASHION_SEED}|{part}|{i}".encode()).digest())
            start = taken.get((part, label), 0)
            taken[part, label] = start + count
            chosen += [(label, i) for i in ids[start:start + count]]
        tiles = [Image.fromarray(pixels[i]) for _, i in chosen]
        file = f"fashion-{fold}.png"
        save(sheet(tiles, FASHION_TILE, FASHION_COLUMNS, "L"), os.path.join(out, file))
        index["folds"].append({"fold": fold, "file": file, "part": part,
                               "labels": [k for k, _ in chosen],
                               "ids": [i for _, i in chosen]})
    write_json(index, os.path.join(out, "fashion.json"))


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    src, out = sys.argv[1:]
    os.makedirs(out, exist_ok=True)
    make_emoji(src, out)
    make_fashion(src, out)


if __name__ == "__main__":
    main()

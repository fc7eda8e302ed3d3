"""Draws the pool's pictures at 32 pixels."""

import io
import os

import numpy as np
from PIL import Image
import resvg_py

import hold_out
import make_packs

MAX_PIXELS = 16_000_000  # some clip art has ten times as many
Image.MAX_IMAGE_PIXELS = None  # Pillow only warns; MAX_PIXELS is checked instead


class Painter:
    """Draws jobs; keeps the icon set it used last."""

    def __init__(self, src):
        self.src, self.prefix, self.data = src, None, None

    def icon_set(self, style):
        if style != self.prefix:
            path = {"fluent-flat": "iconify-json-fluent-emoji-flat-1.2.6/icons.json",
                    "fluent-high-contrast": "iconify-json-fluent-emoji-high-contrast-1.2.6/icons.json",
                    }.get(style, f"iconify-json-2.2.535/json/{style}.json")
            self.prefix, self.data = style, make_packs.IconSet(os.path.join(self.src, path)).data
        return self.data

    def picture(self, style, name):
        files = {"noto-datasource": "emoji-datasource-google-16.0.0/img/google/64",
                 "twemoji-datasource": "emoji-datasource-twitter-16.0.0/img/twitter/64",
                 "fluent-3d": "lobehub-fluent-emoji-3d-1.1.0/assets",
                 "openclipart": "openclipart-png/usr/share/openclipart/png"}
        if style in files:
            im = Image.open(os.path.join(self.src, files[style], name))
            if im.width * im.height > MAX_PIXELS:
                raise ValueError("too many pixels")
            im = make_packs.on_white(im)
            if im.width == im.height:
                return im
            square = Image.new("RGB", (max(im.size), max(im.size)), "white")
            square.paste(im, ((square.width - im.width) // 2, (square.height - im.height) // 2))
            return square
        data = self.icon_set(style)
        icon = data["icons"][name]
        left, top, width, height = (icon.get(k, data.get(k, d)) for k, d in
                                    (("left", 0), ("top", 0), ("width", 16), ("height", 16)))
        side = max(width, height)  # a wide icon is centred on a square
        box = f"{left - (side - width) / 2} {top - (side - height) / 2} {side} {side}"
        svg = (f'<svg xmlns="http://www.w3.org/2000/svg" color="#000" '
               f'viewBox="{box}">{icon["body"]}</svg>')
        png = resvg_py.svg_to_bytes(svg_string=svg, width=64, height=64, background="#fff",
                                    skip_system_fonts=True)
        return Image.open(io.BytesIO(png)).convert("RGB")

    def pixels(self, style, name):
        """32 x 32 x 3, or None for a picture that is blank or fails."""
        try:
            im = self.picture(style, name).resize((32, 32), Image.BICUBIC)
        except (ValueError, KeyError, OSError):
            return None
        a = np.asarray(im)
        return a.tobytes() if np.ptp(a) > 32 and (a < 200).mean() > 0.01 else None


painter = None


def start(src):
    global painter
    painter = Painter(src)


def paint(job):
    return painter.pixels(job.set, job.name)


def signature(pixels):
    """16 x 16 grey, mean 0, length 1: the dot product of two is a correlation."""
    a = np.frombuffer(pixels, np.uint8).reshape(-1, 16, 2, 16, 2, 3)
    a = a.astype(np.float32).mean((2, 4, 5)).reshape(-1, 256)
    a -= a.mean(1, keepdims=True)
    return a / np.maximum(np.linalg.norm(a, axis=1, keepdims=True), 1e-6)


def looks_alike(images, held, chunk=4096):
    """For each picture its largest correlation, in grey, with a held drawing."""
    held = signature(b"".join(held)).T
    return np.concatenate([
        (signature(b"".join(images[i:i + chunk])) @ held).max(1)
        for i in range(0, len(images), chunk)])


def same_drawing(images, codes, held):
    """For each picture of an emoji its largest correlation with the held
    drawings of that emoji, -1 without any."""
    signatures = {c: signature(b"".join(d)) for c, d in held.items()}
    return np.array([
        float((signature(im) @ signatures[c].T).max()) if c in signatures else -1.0
        for im, c in zip(images, codes)])


def mirrored(pixels):
    return np.frombuffer(pixels, np.uint8).reshape(32, 32, 3)[:, ::-1].tobytes()


def held_drawings(src, concepts, folds_of):
    """Code point -> the held drawings of the concept in the five styles.
    folds_of names the held folds of a style."""
    where = (("noto-datasource", "noto"), ("twemoji-datasource", "noto"), ("fluent-3d", "three"),
             ("fluent-flat", "flat"), ("fluent-high-contrast", "high"))
    p, found = Painter(src), {}
    for style, key in where:
        for c in concepts:
            if c["fold"] in folds_of(style):
                drawn = p.pixels(style, c[key])
                if drawn:
                    found.setdefault(c["code"], []).append(drawn)
    return found

#!/usr/bin/env python3
"""Pillow's half of the comparison (see differ.py). Reads pictures from standard
input, each after its length (four bytes, little endian); answers each with one
line: "ok WIDTH HEIGHT SHA-256 FORMAT" of the RGB bytes of
Image.open(...).convert("RGB"), or "error MESSAGE"."""
import hashlib
import io
import resource
import struct
import sys
import warnings

from PIL import Image

LIMIT = 6 << 30  # bytes of memory: a bomb ends this process, not the machine


def answer(data):
    try:
        im = Image.open(io.BytesIO(data))
        kind = im.format
        rgb = im.convert("RGB")
        return f"ok {rgb.width} {rgb.height} {hashlib.sha256(rgb.tobytes()).hexdigest()} {kind}"
    except Exception as e:  # whatever a plugin raises is a refusal
        text = " ".join(f"{type(e).__name__}: {e}".split())
        return "error " + text[:160].encode("ascii", "replace").decode()


def main():
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
    while head := sys.stdin.buffer.read(4):
        data = sys.stdin.buffer.read(struct.unpack("<I", head)[0])
        print(answer(data), flush=True)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Races a 500 x 375 JPEG to the image tower's input (decode, resize to 224
bicubic, crop, scale, normalise) on one thread against torchvision.

    python3 scripts/pictures/race.py [--rounds 15] [--each 60]

Needs Go, torch, torchvision and Pillow. The sides take turns within every
round; medians are compared, in wall time and in processor time. "Pillow" is
CLIP's own preprocessing (Pillow decodes and resizes, ToTensor, Normalize);
"decode_jpeg" decodes and resizes tensors of bytes (torchvision.io and
transforms.v2), which is not the reference's arithmetic. A ratio above 1 means
that clipcalib is faster.
"""
import argparse
import io
import pathlib
import statistics
import subprocess
import tempfile
import time

import numpy as np
import torch
import torchvision
from PIL import Image
from torchvision.transforms import InterpolationMode, v2
from torchvision import transforms as v1

HERE = pathlib.Path(__file__).resolve().parent.parent.parent
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def picture():
    """A picture with a photograph's share of detail, quality 90, 4:2:0."""
    rng = np.random.default_rng(3)
    a = sum(np.asarray(Image.fromarray(rng.integers(0, 256, (max(2, 375 // s), max(2, 500 // s), 3), dtype=np.uint8))
                       .resize((500, 375), Image.BICUBIC)).astype(float) * s**0.5 for s in (2, 8, 32, 96)) / 19.7
    out = io.BytesIO()
    Image.fromarray(a.clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=90)
    return out.getvalue()


def timed(work, n):
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(n):
        work()
    return time.perf_counter() - wall, time.process_time() - cpu


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rounds", type=int, default=15)
    p.add_argument("--each", type=int, default=60)
    p.add_argument("--picture", help="a JPEG of your own")
    a = p.parse_args()
    torch.set_num_threads(1)
    data = pathlib.Path(a.picture).read_bytes() if a.picture else picture()
    old = v1.Compose([v1.Resize(224, InterpolationMode.BICUBIC), v1.CenterCrop(224), v1.ToTensor(), v1.Normalize(MEAN, STD)])
    new = v2.Compose([v2.Resize(224, InterpolationMode.BICUBIC, antialias=True), v2.CenterCrop(224),
                      v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)])
    sides = {"Pillow": lambda: old(Image.open(io.BytesIO(data)).convert("RGB"))}
    encoded = torch.frombuffer(bytearray(data), dtype=torch.uint8)
    try:
        torchvision.io.decode_jpeg(encoded, torchvision.io.ImageReadMode.RGB)
        sides["decode_jpeg"] = lambda: new(torchvision.io.decode_jpeg(encoded, torchvision.io.ImageReadMode.RGB))
    except RuntimeError as e:
        print("torchvision.io.decode_jpeg:", str(e).splitlines()[0])
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "a.jpg")
        path.write_bytes(data)
        binary = pathlib.Path(folder, "tensor")
        subprocess.run(["go", "build", "-o", binary, "./scripts/pictures/tensor"], cwd=HERE, check=True)
        ours = subprocess.Popen([binary, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

        def run():
            print(a.each, file=ours.stdin, flush=True)
            return tuple(float(v) for v in ours.stdout.readline().split())

        times = {name: [] for name in ("clipcalib", *sides)}
        for r in range(a.rounds + 1):
            for name in times:
                t = run() if name == "clipcalib" else timed(sides[name], a.each)
                if r > 0:
                    times[name].append(t)
        ours.stdin.close()
        ours.wait()
    print(f"torch {torch.__version__}, torchvision {torchvision.__version__}, {len(data):,} bytes")
    medians = {name: [statistics.median(t[k] for t in rows) / a.each * 1e3 for k in (0, 1)] for name, rows in times.items()}
    for name, (wall, cpu) in medians.items():
        mine = medians["clipcalib"]
        print(f"{name:12} wall {wall:6.3f} ms (ratio {wall / mine[0]:.2f})   processor {cpu:6.3f} ms (ratio {cpu / mine[1]:.2f})")


if __name__ == "__main__":
    main()

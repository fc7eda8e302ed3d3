#!/usr/bin/env python3
"""Writes imagefolder.json: a tree of files and what torchvision's ImageFolder makes
of it, classes and samples in order. One class at least has a name that is no
number: folders that are all numbers go by value here, unlike there.

Run: python3 imagefolder.py   (written with CPython 3.11, torchvision 0.29.2)
"""
import json
import os
import random
import tempfile

from torchvision.datasets import ImageFolder

rng = random.Random(3)
STEMS = ["a", "b", "B", "10", "9", "a.b", "a b", "ä", "z-1", "z_1"]
EXTENSIONS = [".jpg", ".JPEG", ".png", ".ppm", ".BMP", ".pgm", ".tif", ".tiff", ".webp", ".txt", ".npy", ""]
trees = []
for _ in range(12):
    files = set()
    for c in ["cat"] + rng.sample(["Dog", "dog 2", "10", "9", "über", "x.y", "z_z"], rng.randrange(1, 6)):
        files.add(f"{c}/sure.png")
        for _ in range(rng.randrange(12)):
            files.add("/".join([c] + [rng.choice(["in", "In", "a"])] * rng.randrange(2) + [rng.choice(STEMS) + rng.choice(EXTENSIONS)]))
    files.add("loose.png")
    with tempfile.TemporaryDirectory() as root:
        for f in sorted(files):
            if os.path.isdir(os.path.join(root, f)):
                files.discard(f)
                continue
            os.makedirs(os.path.dirname(os.path.join(root, f)), exist_ok=True)
            open(os.path.join(root, f), "w").close()
        found = ImageFolder(root)
        samples = [[os.path.relpath(p, root), k] for p, k in found.samples]
    trees.append({"files": sorted(files), "classes": found.classes, "samples": samples})
json.dump(trees, open("imagefolder.json", "w"), indent=0, ensure_ascii=False)

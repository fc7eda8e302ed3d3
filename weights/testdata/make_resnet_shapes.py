"""Writes resnet_shapes.txt.gz: the tensors of open_clip's five ResNet models, by name and shape.

    python make_resnet_shapes.py

Made with torch 2.15.0, open_clip 3.3.0; no weights are made. A line is a model's name, image
size, embedding and numbers of parameters (in all, image tower, the rest), or a tensor of the
model named last: its name and shape.
"""

import gzip
import os
import sys

import open_clip
import torch
from open_clip.model import CLIP

os.chdir(os.path.dirname(os.path.abspath(sys.argv[0])))
lines = []
for name in ("RN50", "RN101", "RN50x4", "RN50x16", "RN50x64"):
    config = open_clip.get_model_config(name + "-quickgelu")
    with torch.device("meta"):
        model = CLIP(**config)
    count = lambda ps: sum(p.numel() for p in ps)
    total, vision = count(model.parameters()), count(model.visual.parameters())
    lines.append(f"{name} {config['vision_cfg']['image_size']} {config['embed_dim']} {total} {vision} {total - vision}")
    lines += [" ".join(["", k, *map(str, t.shape)]) for k, t in model.state_dict().items()]
with open("resnet_shapes.txt.gz", "wb") as f:
    f.write(gzip.compress("\n".join(lines).encode() + b"\n", 9, mtime=0))

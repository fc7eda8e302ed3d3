"""Writes what chance decides of three runs (adapter/, prompts/ and tuning/: initial
values, order of batches, boxes of views, shots) and want.safetensors, what PyTorch
makes of a few steps from there: TaskRes, CoOp and TPT, restated in float64.

    python make_pinned.py

Pictures and weights are functions of names and places that the test computes too;
views are cut with Pillow. Written with Python 3.11, torch 2.15, Pillow 13.0.0,
open_clip 3.3.
"""
import csv
import json
import math
import os
import sys

import numpy as np
import open_clip
import torch
from PIL import Image
from safetensors.torch import save_file
from torch.nn import functional as F

sys.path.insert(0, "../../../../adapt/prompt/testdata")
import seeded  # noqa: E402

CLASSES = ["forklift", "tabby cat", "tench"]
SHOTS, VIEWS, SIZE = 2, 3, 16
W, H = 24, 20
unit = lambda x: x / x.norm(dim=-1, keepdim=True)


def picture(k, i):
    """Bytes of a picture of class k: sums and products of places, modulo 256."""
    y, x, c = np.mgrid[0:H, 0:W, 0:3].astype(np.int64)
    return Image.fromarray(((x * (7 + 3 * k) + y * (5 + i) + c * 40 + x * y * (k + 1)) % 256).astype(np.uint8))


def name(k, i):
    return f"{CLASSES[k]}/{i}.png"


def pixels(im, box=None, flip=False, how=Image.BICUBIC):
    if box is None:  # CLIP's: short side to SIZE, centre crop
        w, h = SIZE * W // H, SIZE
        im = im.resize((w, h), Image.BICUBIC)
        left, top = int(round((w - SIZE) / 2.0)), int(round((h - SIZE) / 2.0))
        im = im.crop((left, top, left + SIZE, top + SIZE))
    else:
        left, top, w, h = box
        im = im.crop((left, top, left + w, top + h)).resize((SIZE, SIZE), how)
    if flip:
        im = im.transpose(Image.FLIP_LEFT_RIGHT)
    x = torch.from_numpy(np.asarray(im).copy()).permute(2, 0, 1).double() / 255
    mean, std = (torch.tensor(v).view(3, 1, 1).double() for v in
                 ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)))
    return (x - mean) / std


rng = np.random.default_rng(5)
boxes = lambda: (lambda w, h: (int(rng.integers(0, W - w + 1)), int(rng.integers(0, H - h + 1)), w, h,
                               int(rng.integers(0, 2))))(int(rng.integers(6, W + 1)), int(rng.integers(6, H + 1)))


def write_views(folder, views):
    with open(f"{folder}/views.csv", "w", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow("picture view left top width height flip".split())
        for (picture, view), box in views.items():
            out.writerow([picture, view, *box])


def schedule(epoch, epochs, lr):
    return 1e-5 if epoch == 0 else lr * (1 + math.cos(math.pi * (epoch - 1) / epochs)) / 2


model = seeded.small()
scale = model.logit_scale.exp()
samples = [(k, i) for k in range(len(CLASSES)) for i in range(SHOTS)]
samples = [samples[j] for j in (3, 0, 4, 1, 5, 2)]  # not in the order of folders
labels = torch.tensor([k for k, _ in samples])
tokens = lambda prefix: open_clip.tokenize([f"{prefix} {c}." for c in CLASSES])
want = {}


def features(views):
    """[views * samples, D], view after view."""
    rows = [pixels(picture(*s), views[name(*s), v][:4], views[name(*s), v][4]) for v in range(VIEWS) for s in samples]
    with torch.no_grad():
        return seeded.image_features(model, torch.stack(rows))


def pins(folder, batch, epochs, init):
    os.makedirs(folder, exist_ok=True)
    views = {(name(*s), v): boxes() for s in samples for v in range(VIEWS)}
    write_views(folder, views)
    steps = len(samples) // batch
    order = np.stack([(lambda p: p + len(samples) * rng.integers(0, VIEWS, len(p)))(
        rng.permutation(len(samples))[:batch * steps].reshape(-1)) for _ in range(epochs)]).reshape(-1, batch)
    np.save(f"{folder}/order.npy", order.astype(np.int64))
    split = {"train": [[name(*s), s[0], CLASSES[s[0]]] for s in samples], "val": [], "test": []}
    json.dump(split, open(f"{folder}/shots.json", "w"), indent=4, separators=(",", ": "))
    save_file({k: v.float() for k, v in init.items()}, f"{folder}/init.safetensors")
    return features(views), order


def train(params, order, lr, decay, epochs, logits):
    params = {k: v.float().double().clone().requires_grad_() for k, v in params.items()}
    opt = torch.optim.SGD(list(params.values()), lr=lr, momentum=0.9, weight_decay=decay)
    per = len(order) // epochs
    for step, rows in enumerate(order):
        for g in opt.param_groups:
            g["lr"] = schedule(step // per, epochs, lr)
        loss = F.cross_entropy(logits(params, torch.as_tensor(rows)), labels[torch.as_tensor(rows) % len(samples)])
        opt.zero_grad()
        loss.backward()
        opt.step()
    return {k: v.detach() for k, v in params.items()}


# TaskRes: prototypes + 0.5 * residual, from a residual that is not 0.
with torch.no_grad():
    protos = unit(model.encode_text(tokens("a photo of a")))
residual = torch.from_numpy(rng.normal(0, 0.1, protos.shape))
feats, order = pins("adapter", 2, 3, {"residual": residual})
out = train({"residual": residual}, order, 0.1, 0, 3,
            lambda p, r: scale * unit(feats[r]) @ unit(protos + 0.5 * p["residual"]).t())
want["taskres.residual"] = out["residual"]

# CoOp: four vectors before the class's name.
ctx = torch.from_numpy(rng.normal(0, 0.3, (4, 32)))
feats, order = pins("prompts", 3, 3, {"prompt_learner.ctx": ctx})
words = tokens("X X X X")
out = train({"prompt_learner.ctx": ctx}, order, 0.02, 5e-4, 3,
            lambda p, r: scale * unit(feats[r]) @ unit(seeded.text_features(model, words, p["prompt_learner.ctx"])).t())
want["coop.ctx"] = out["prompt_learner.ctx"]

# TPT: one AdamW step on the entropy of the mean of the views of lowest entropy.
os.makedirs("tuning", exist_ok=True)
start = torch.from_numpy(rng.normal(0, 0.3, (4, 32))).float()
save_file({"prompt_learner.ctx": start}, "tuning/init.safetensors")
N = 10
views = {(name(k, i), v): boxes() for k in range(len(CLASSES)) for i in range(SHOTS) for v in range(1, N)}
write_views("tuning", views)
words, rows, zero = tokens("a photo of a"), [], []
for k in range(len(CLASSES)):
    for i in range(SHOTS):
        x = [pixels(picture(k, i))] + [pixels(picture(k, i), views[name(k, i), v][:4], views[name(k, i), v][4],
                                              Image.BILINEAR) for v in range(1, N)]
        with torch.no_grad():
            f = unit(seeded.image_features(model, torch.stack(x)))
        v = start.double().clone().requires_grad_()
        opt = torch.optim.AdamW([v], lr=5e-3)
        text = lambda: unit(seeded.text_features(model, words, v))
        logits = scale * f @ text().t()
        zero.append(logits[0].detach())
        entropy = -(logits.softmax(1) * logits.log_softmax(1)).sum(1)
        kept = logits[entropy.argsort()[:int(0.3 * N)]]
        mean = kept.log_softmax(1).logsumexp(0) - math.log(len(kept))
        loss = -(mean.exp() * mean).sum()
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            rows.append((scale * f[:1] @ text().t())[0])
want["tpt.logits"], want["tpt.zero_shot"] = torch.stack(rows), torch.stack(zero)
save_file({k: v.float().contiguous() for k, v in want.items()}, "want.safetensors")

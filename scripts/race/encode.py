#!/usr/bin/env python3
"""Races encoding against PyTorch: a batch of images, and the 1,000 ImageNet class
names in "a photo of a {}.".

    python scripts/race/encode.py [--model ViT-B-16] [--precision fp32,bf16] [--threads 2] [--rounds 5] [--images 32]
                                  [--only images]

Needs Go, torch and open_clip. The same seeded random weights, images and prompts go through both sides on the same number of
threads, in turn within every round, so that what else the machine does falls on
all alike. Medians of the rounds are compared; a ratio above 1 means clipcalib is
faster. PyTorch runs open_clip's model in eager mode under inference_mode, as its
users do: prompts are padded to 77 tokens. In bf16 it is measured with bf16
weights. --cpu ranks by processor time instead of wall time, which a busy machine
disturbs less (use --threads 1: threads that wait for one another spin).

Every round also multiplies the matrices of a block's MLP in PyTorch: the rate of
products that encoding is held against. Features are compared with PyTorch's in
float32 (or float64 with --truth 64): the largest difference of a picture's or
prompt's features as a part of their length. --base FOLDER adds another tree of
clipcalib, as an older one; --base-tags are its build tags.
"""

import argparse
import copy
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import open_clip
import torch

HERE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def prepare(folder, a):
    torch.manual_seed(5)
    model = open_clip.create_model(a.model + "-quickgelu").eval()
    for k, p in model.named_parameters():
        if k.endswith("bn3.weight"):  # open_clip starts with 0, which leaves a ResNet's blocks without effect
            torch.nn.init.ones_(p)
    torch.save(model.state_dict(), os.path.join(folder, "model.pt"))
    side = model.visual.image_size
    side = side if isinstance(side, int) else side[0]
    x = torch.randn(a.images, 3, side, side)
    x.numpy().tofile(os.path.join(folder, "images.f32"))
    with open(os.path.join(HERE, "internal/imagenet/classes.txt")) as f:
        names = [line.split(" ", 1)[1].strip() for line in f if line.strip()]
    prompts = [f"a photo of a {n}." for n in names]
    with open(os.path.join(folder, "prompts.txt"), "w") as f:
        f.write("\n".join(prompts))
    return model, x, open_clip.get_tokenizer(a.model)(prompts)


def flop(model, images):
    """Operations of encoding images by a ViT, two a multiply-add, over all tokens of all blocks."""
    v = model.visual
    if not hasattr(v, "class_embedding"):
        return 0
    w, n, depth = v.class_embedding.shape[0], v.positional_embedding.shape[0], len(v.transformer.resblocks)
    patches = 2 * (n - 1) * w * v.conv1.weight[0].numel()
    return images * (depth * (24 * n * w * w + 4 * n * n * w) + patches + 2 * w * v.output_dim)


class Ours:
    def __init__(self, name, folder, tags, device, precision, a, tree=HERE):
        self.name = name
        binary = os.path.join(folder, "encodeloop" + (tags or "go") + str(abs(hash(tree))))
        if not os.path.exists(binary):
            subprocess.run(["go", "build", "-tags", tags, "-o", binary, "./scripts/race/encodeloop"], cwd=tree, check=True)
        self.p = subprocess.Popen([binary, "-dir", folder, "-device", device, "-precision", precision, "-threads", str(a.threads),
                                   "-batch", str(a.batch)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.folder, self.images = folder, a.images

    def run(self, what, warm=False):
        print(what, file=self.p.stdin, flush=True)
        line = self.p.stdout.readline()
        if not line:
            raise RuntimeError(self.name + " stopped")
        r = json.loads(line)
        self.peak, self.engine = r["peak_mb"], r["engine"]
        f = np.fromfile(os.path.join(self.folder, what + ".features"), dtype=np.float32)
        return r["seconds"], r["cpu"], torch.from_numpy(f).view(self.images if what == "images" else 1000, -1)


class Torch:
    def __init__(self, name, model, x, tokens, dtype, a):
        self.name, self.engine, self.peak = name, "torch " + torch.__version__, 0
        self.model, self.x, self.tokens, self.batch = model.to(dtype), x.to(dtype), tokens, a.batch

    def run(self, what, warm=False):
        tokens = self.tokens[:50] if warm else self.tokens
        wall, cpu = time.perf_counter(), time.process_time()
        with torch.inference_mode():
            if what == "images":
                out = [self.model.encode_image(part) for part in self.x.split(self.batch)]
            else:
                out = [self.model.encode_text(part) for part in tokens.split(250)]
        return time.perf_counter() - wall, time.process_time() - cpu, torch.cat(out)


class Products:
    """The matrix product of a block's MLP in PyTorch; for a ResNet, that of ViT-B/16."""

    def __init__(self, model, dtype, a):
        v = model.visual
        m, k = a.batch * 197, 768
        if hasattr(v, "class_embedding"):
            m, k = a.batch * v.positional_embedding.shape[0], v.class_embedding.shape[0]
        self.x, self.w = torch.randn(m, k).to(dtype), torch.randn(4 * k, k).to(dtype)
        self.flop, self.best = 2 * m * k * 4 * k, 0

    def run(self, cpu):
        clock = time.process_time if cpu else time.perf_counter
        with torch.inference_mode():
            for _ in range(3):
                start = clock()
                torch.nn.functional.linear(self.x, self.w)
                self.best = max(self.best, self.flop / (clock() - start) / 1e9)


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--model", default="ViT-B-16", help="a name of open_clip's, less -quickgelu")
    a.add_argument("--precision", default="fp32,bf16")
    a.add_argument("--threads", type=int, default=2)
    a.add_argument("--rounds", type=int, default=5)
    a.add_argument("--batch", type=int, default=32)
    a.add_argument("--images", type=int, default=32)
    a.add_argument("--cpu", action="store_true")
    a.add_argument("--only", choices=["images", "texts"])
    a.add_argument("--base", help="another tree of clipcalib to race")
    a.add_argument("--base-tags", default="")
    a.add_argument("--truth", type=int, default=32, choices=[32, 64])
    a = a.parse_args()
    torch.set_num_threads(a.threads)
    with tempfile.TemporaryDirectory() as folder:
        model, x, tokens = prepare(folder, a)
        truth = Torch("truth", copy.deepcopy(model), x, tokens, torch.float64 if a.truth == 64 else torch.float32, a)
        truth = {what: truth.run(what)[2] for what in ([a.only] if a.only else ["images", "texts"])}
        work = flop(model, a.images)
        sides, products = {}, {}
        for p in a.precision.split(","):
            dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[p]
            products[p] = Products(model, dtype, a)
            sides[p] = [Torch("PyTorch " + p, copy.deepcopy(model), x, tokens, dtype, a)]
            sides[p].append(Ours("clipcalib " + p, folder, "", "cpu", p, a))
            if a.base:
                sides[p].append(Ours("other tree " + p, folder, a.base_tags, "cpu", p, a, a.base))
        for what in truth:
            race(what, sides, products, truth[what], work, a)
        for group in sides.values():
            for s in group[1:]:
                print(f"{s.name}: {s.engine}; peak memory {s.peak:.0f} MB")
                s.p.stdin.close()
                s.p.wait()


def race(what, sides, products, truth, work, a):
    everyone = [s for group in sides.values() for s in group]
    times, features = {s.name: [] for s in everyone}, {}
    for r in range(-1, a.rounds):  # the first round warms up
        for p in products.values():
            p.run(a.cpu)
        for s in everyone:
            wall, cpu, features[s.name] = s.run(what, warm=r < 0)
            if r >= 0:
                times[s.name].append(cpu if a.cpu else wall)
    n = a.images if what == "images" else 1000
    print(f"\n{n} {what}, {a.model}, {a.threads} threads, batch {a.batch}, median of {a.rounds} rounds, "
          f"{'processor' if a.cpu else 'wall'} seconds")
    for p, group in sides.items():
        base = statistics.median(times[group[0].name])
        for s in group:
            t = statistics.median(times[s.name])
            error = ((features[s.name].double() - truth.double()).norm(dim=1) / truth.double().norm(dim=1)).max().item()
            rate = f"  {work / t / 1e9:6.1f} GFLOP/s, {work / t / 1e9 / products[p].best:4.0%} of products" if what == "images" and work else ""
            print(f"  {s.name:24s} {t:8.3f} s  {n / t:8.1f}/s  ratio {base / t:6.2f}  error {error:.1e}{rate}", flush=True)
        print(f"  products of PyTorch {p}: {products[p].best:.1f} GFLOP/s")


if __name__ == "__main__":
    sys.exit(main())

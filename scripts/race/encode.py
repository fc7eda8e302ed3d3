#!/usr/bin/env python3
"""Races encoding against PyTorch, with ViT-B/16 or another model: a batch of images, and the
1,000 ImageNet class names in "a photo of a {}.".

    python scripts/race/encode.py [--threads 2] [--rounds 5] [--batch 32] [--images 32]
                                  [--model RN50] [--no-onednn] [--only images]

Needs Go, torch and open_clip; oneDNN's headers for the oneDNN rows (left out with
--no-onednn). The same
seeded random weights, images and prompts go through both sides on the same
number of threads, in turn within every round, so that what else the machine
does falls on all alike. Medians of the rounds are compared; a ratio above 1
means clipcalib is faster. PyTorch runs open_clip's model in eager mode under
inference_mode, as its users do: prompts are padded to 77 tokens. In bf16 it is measured
with bf16 weights. --cpu ranks by processor time instead of wall time,
which a busy machine disturbs less (use --threads 1: threads that wait for one
another spin).
"""

import argparse
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


def make(name):
    torch.manual_seed(5)
    model = open_clip.create_model(name + "-quickgelu").eval()
    for k, p in model.named_parameters():
        if k.endswith("bn3.weight"):  # open_clip starts with 0, which leaves the blocks without effect
            torch.nn.init.ones_(p)
    return model


def prepare(folder, a):
    model = make(a.model)
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


class Ours:
    def __init__(self, name, folder, tags, device, precision, a):
        self.name = name
        binary = os.path.join(folder, "encodeloop" + (tags or "go"))
        if not os.path.exists(binary):
            subprocess.run(["go", "build", "-tags", tags, "-o", binary, "./scripts/race/encodeloop"], cwd=HERE, check=True)
        self.p = subprocess.Popen([binary, "-dir", folder, "-device", device, "-precision", precision, "-threads", str(a.threads),
                                   "-batch", str(a.batch)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.folder = folder

    def run(self, what, warm=False):
        print(what, file=self.p.stdin, flush=True)
        line = self.p.stdout.readline()
        if not line:
            raise RuntimeError(self.name + " stopped")
        r = json.loads(line)
        self.peak, self.engine = r["peak_mb"], r["engine"]
        f = np.fromfile(os.path.join(self.folder, what + ".features"), dtype=np.float32)
        return r["seconds"], r["cpu"], torch.from_numpy(f)


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
        return time.perf_counter() - wall, time.process_time() - cpu, torch.cat(out).float()


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--threads", type=int, default=2)
    a.add_argument("--rounds", type=int, default=5)
    a.add_argument("--batch", type=int, default=32)
    a.add_argument("--images", type=int, default=32)
    a.add_argument("--cpu", action="store_true")
    a.add_argument("--model", default="ViT-B-16", help="a name of open_clip's, less -quickgelu")
    a.add_argument("--no-onednn", action="store_true")
    a.add_argument("--no-bf16", action="store_true")
    a.add_argument("--only", choices=["images", "texts"])
    a = a.parse_args()
    torch.set_num_threads(a.threads)
    with tempfile.TemporaryDirectory() as folder:
        model, x, tokens = prepare(folder, a)
        half = make(a.model)
        half.load_state_dict(model.state_dict())
        sides = {"fp32": [Torch("PyTorch fp32", model, x, tokens, torch.float32, a)]}
        if not a.no_onednn:
            sides["fp32"].append(Ours("clipcalib oneDNN fp32", folder, "onednn", "cpu", "fp32", a))
        sides["fp32"].append(Ours("clipcalib pure Go fp32", folder, "", "cpu", "fp32", a))
        if not a.no_bf16:
            sides["bf16"] = [Torch("PyTorch bf16", half, x, tokens, torch.bfloat16, a),
                             Ours("clipcalib bf16", folder, "", "cpu", "bf16", a)]
        for what in [a.only] if a.only else ["images", "texts"]:
            race(what, sides, a)
        for group in sides.values():
            for s in group[1:]:
                print(f"{s.name}: {s.engine}; peak memory {s.peak:.0f} MB")
                s.p.stdin.close()
                s.p.wait()


def race(what, sides, a):
    everyone = [s for group in sides.values() for s in group]
    times, features = {s.name: [] for s in everyone}, {}
    for r in range(-1, a.rounds):  # the first round warms up
        for s in everyone:
            wall, cpu, features[s.name] = s.run(what, warm=r < 0)
            if r >= 0:
                times[s.name].append(cpu if a.cpu else wall)
    n = a.images if what == "images" else 1000
    print(f"\n{n} {what}, {a.threads} threads, batch {a.batch}, median of {a.rounds} rounds, {'processor' if a.cpu else 'wall'} seconds")
    truth = features["PyTorch fp32"]
    for group in sides.values():
        base = statistics.median(times[group[0].name])
        for s in group:
            t = statistics.median(times[s.name])
            cos = torch.nn.functional.cosine_similarity(truth, features[s.name].view(truth.shape)).min().item()
            print(f"  {s.name:24s} {t:8.3f} s  {n / t:8.1f}/s  ratio {base / t:6.2f}  least cosine to PyTorch fp32 {cos:.6f}", flush=True)


if __name__ == "__main__":
    sys.exit(main())

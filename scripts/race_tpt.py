"""Times one image of test-time prompt tuning, end to end, here and in PyTorch,
alternated in one run on the same number of threads in float32.

    python scripts/race_tpt.py                           # the whole race
    python scripts/race_tpt.py --classes 1000 --rounds 2

Both sides take a picture of 500 x 375 pixels, make 64 views of it, encode them
with an image tower of ViT-B/16's size, tune four context vectors through a text
tower of ViT-B/16's size over ImageNet's class names, and classify the picture
with the tuned prompt. Weights are random. Ours is BenchmarkTune of
adapt/testtime. PyTorch's is TPT as released: torchvision's views, open_clip's
towers, prompts padded to 77 tokens, a forward and a backward pass at the
starting prompt and a forward pass at the tuned one.

Over 1,000 classes a backward pass of PyTorch keeps some 25 GB, so text is timed
in pieces of 50 classes with the gradient of the text features given; its time
is proportional to their number. Figures are medians over the rounds, of the
time on the clock and of the processor's; where other programs share the
machine, the second is the one to go by.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # so that waiting takes no processor time
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PIECE, VIEWS, BATCH = 50, 64, 32


def names():
    with open(os.path.join(ROOT, "internal/imagenet/classes.txt"), encoding="utf-8") as f:
        return [line.split(" ", 1)[1] for line in f.read().splitlines()]


def now():
    return time.perf_counter(), time.process_time()


def since(start):
    """Seconds on the clock and of the processor."""
    return tuple(b - a for a, b in zip(start, now()))


class PyTorch:
    """An image's views and their features, and one piece of PIECE classes."""

    def __init__(self, threads):
        import open_clip
        import torch
        from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg
        from PIL import Image
        from torchvision import transforms as T

        torch.set_num_threads(threads)
        torch.manual_seed(0)
        self.torch = torch
        self.model = CLIP(512, CLIPVisionCfg(layers=12, width=768, patch_size=16, image_size=224),
                          CLIPTextCfg(width=512, heads=8, layers=12), quick_gelu=True).eval().requires_grad_(False)
        self.tokens = open_clip.tokenize([f"a photo of a {n}." for n in names()[:PIECE]])
        self.ctx = torch.nn.Parameter(self.model.token_embedding(self.tokens[0, 1:5]))
        self.upstream = torch.randn(PIECE, 512)
        self.picture = Image.effect_noise((500, 375), 50).convert("RGB")
        last = [T.ToTensor(), T.Normalize((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))]
        self.plain = T.Compose([T.Resize(224, T.InterpolationMode.BICUBIC), T.CenterCrop(224), *last])
        self.view = T.Compose([T.RandomResizedCrop(224), T.RandomHorizontalFlip(), *last])

    def images(self):
        """Seconds for the views of one picture and their features."""
        start = now()
        x = self.torch.stack([self.plain(self.picture)] + [self.view(self.picture) for _ in range(VIEWS - 1)])
        with self.torch.no_grad():
            for part in x.split(BATCH):
                self.model.encode_image(part)
        return since(start)

    def encode(self):
        m, torch = self.model, self.torch
        x = m.token_embedding(self.tokens)
        x = torch.cat([x[:, :1], self.ctx.expand(PIECE, -1, -1), x[:, 5:]], 1) + m.positional_embedding
        x = m.transformer(x, attn_mask=m.attn_mask)
        return m.ln_final(x)[torch.arange(PIECE), self.tokens.argmax(-1)] @ m.text_projection

    def texts(self):
        """Seconds for a piece: forward, backward, forward."""
        start = now()
        self.encode().backward(self.upstream)
        self.ctx.grad = None
        with self.torch.no_grad():
            self.encode()
        return since(start)


class Ours:
    """One image over all classes, by the Go benchmark."""

    def __init__(self, threads, tags, folder):
        self.binary, self.env = os.path.join(folder, "race.test"), dict(os.environ, GOMAXPROCS=str(threads))
        subprocess.run(["go", "test", "-c", "-tags", tags, "-o", self.binary, "./adapt/testtime"], cwd=ROOT, check=True)

    def image(self, classes):
        out = subprocess.run([self.binary, "-test.run", "^$", "-test.bench", f"Tune/classes={classes}$", "-test.benchtime", "1x"],
                             cwd=os.path.join(ROOT, "adapt/testtime"), env=self.env, capture_output=True, text=True)
        found = re.search(r"\s(\d+) ns/op\s+([\d.]+) cpu-s/op", out.stdout)
        if not found:
            sys.exit(f"the benchmark failed:\n{out.stdout}{out.stderr}")
        return int(found[1]) / 1e9, float(found[2])


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--classes", type=int, nargs="+", default=[100, 300, 1000, 3000])
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--tags", default="", help="build tags of our side, such as onednn")
    a = p.parse_args()
    torch = PyTorch(a.threads)
    print(f"PyTorch {torch.torch.__version__}; {a.threads} threads, float32; times in seconds")
    with tempfile.TemporaryDirectory() as folder:
        ours = Ours(a.threads, a.tags, folder)
        torch.texts()
        images, pieces, steps = [], [], {k: [] for k in a.classes}
        for _ in range(a.rounds):
            for k in a.classes:
                images.append(torch.images())
                pieces.append(torch.texts())
                steps[k].append(ours.image(k))
                print(f"  PyTorch: views {images[-1][0]:.2f}, {PIECE} classes {pieces[-1][0]:.2f}   {k} classes here {steps[k][-1][0]:.2f}",
                      file=sys.stderr, flush=True)
    middle = lambda runs, i: statistics.median(r[i] for r in runs)
    print(f"PyTorch: processor time {middle(images, 1):.2f} for the views, {middle(pieces, 1):.2f} for {PIECE} classes")
    print("                          clock                 processor")
    print("classes  padded     here  PyTorch  ratio      here  PyTorch  ratio")
    for k in a.classes:
        row = f"{k:7} {k * 77:7}"
        for i in range(2):
            t, theirs = middle(steps[k], i), middle(images, i) + middle(pieces, i) * k / PIECE
            row += f" {t:8.2f} {theirs:8.1f} {theirs / t:6.1f}  "
        print(row)


if __name__ == "__main__":
    main()

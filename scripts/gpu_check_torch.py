"""What gpu_check.sh measures beside clipcalib: CLIP's towers in PyTorch.

Random weights of the published sizes, images on the device, fused attention
(scaled_dot_product_attention), eager and with torch.compile; and a CoOp step on
1,000 classes of 77 tokens, as published implementations compute it. Appends a
line of JSON a figure; --compare reads such a file and prints the ratios.
"""

import argparse
import json
import time

PRECISIONS = ("fp32", "tf32", "bf16", "fp16")
SIZES = {  # patch, width, layers, text width, embedding
    "ViT-B/32": (32, 768, 12, 512, 512),
    "ViT-B/16": (16, 768, 12, 512, 512),
    "ViT-L/14": (14, 1024, 24, 768, 768),
}


def define():
    import torch
    from torch import nn
    from torch.nn import functional as F

    class Block(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.heads = width // 64
            self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x, causal):
            b, t, w = x.shape
            qkv = self.qkv(self.ln_1(x)).view(b, t, 3, self.heads, 64).permute(2, 0, 3, 1, 4)
            y = F.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2], is_causal=causal)
            x = x + self.out(y.transpose(1, 2).reshape(b, t, w))
            h = self.up(self.ln_2(x))
            return x + self.down(h * torch.sigmoid(1.702 * h))

    class Image(nn.Module):
        def __init__(self, patch, width, layers, dim):
            super().__init__()
            n = (224 // patch) ** 2 + 1
            self.conv = nn.Conv2d(3, width, patch, patch, bias=False)
            self.cls = nn.Parameter(torch.randn(width) * 0.02)
            self.pos = nn.Parameter(torch.randn(n, width) * 0.02)
            self.pre, self.post = nn.LayerNorm(width), nn.LayerNorm(width)
            self.blocks = nn.ModuleList(Block(width) for _ in range(layers))
            self.proj = nn.Linear(width, dim, bias=False)

        def forward(self, x):
            x = self.conv(x).flatten(2).transpose(1, 2)
            x = torch.cat([self.cls.expand(x.shape[0], 1, -1), x], 1) + self.pos
            x = self.pre(x)
            for block in self.blocks:
                x = block(x, False)
            return self.proj(self.post(x[:, 0]))

    class Text(nn.Module):
        def __init__(self, width, dim):
            super().__init__()
            self.pos = nn.Parameter(torch.randn(77, width) * 0.02)
            self.blocks = nn.ModuleList(Block(width) for _ in range(12))
            self.post = nn.LayerNorm(width)
            self.proj = nn.Linear(width, dim, bias=False)

        def forward(self, x):
            x = x + self.pos
            for block in self.blocks:
                x = block(x, True)
            return self.proj(self.post(x[:, 20]))  # where an end-of-text token would be

    return Image, Text


def timed(run, budget=2.0):
    import torch

    for _ in range(3):
        run()
    torch.cuda.synchronize()
    begun = time.perf_counter()
    run()
    torch.cuda.synchronize()
    n = max(3, int(budget / max(time.perf_counter() - begun, 1e-6)))
    begun = time.perf_counter()
    for _ in range(n):
        run()
    torch.cuda.synchronize()
    return (time.perf_counter() - begun) / n


def measure(path):
    import torch

    Image, Text = define()
    torch.manual_seed(1)
    with open(path, "a", encoding="utf-8") as f:

        def note(**figure):
            line = json.dumps(figure)
            print(line, flush=True)
            f.write(line + "\n")
            f.flush()

        for size, (patch, width, layers, text, dim) in SIZES.items():
            for precision in PRECISIONS:
                dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision, torch.float32)
                torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
                torch.backends.cudnn.allow_tf32 = precision == "tf32"
                model = Image(patch, width, layers, dim).cuda().to(dtype).eval()
                for by in ("torch eager", "torch compile"):
                    f_image = torch.compile(model) if by == "torch compile" else model
                    for batch in (32, 256):
                        x = torch.randn(batch, 3, 224, 224, device="cuda", dtype=dtype)
                        with torch.inference_mode():
                            s = timed(lambda: f_image(x))
                        note(what="encode", model=size, precision=precision, batch=batch, rate=batch / s, unit="images/s", by=by)
                if size != "ViT-B/16":
                    continue
                tower = Text(text, dim).cuda().to(dtype)
                for p in tower.parameters():
                    p.requires_grad_(False)
                context = torch.randn(16, text, device="cuda", dtype=dtype, requires_grad=True)
                rest = torch.randn(1000, 60, text, device="cuda", dtype=dtype)
                first = torch.randn(1000, 1, text, device="cuda", dtype=dtype)

                def step():
                    x = torch.cat([first, context.expand(1000, -1, -1), rest], 1)
                    y = torch.nn.functional.normalize(tower(x), dim=-1)
                    context.grad = None
                    y.sum().backward()

                note(what="coop step", model=size, precision=precision, batch=1000, rate=1 / timed(step), unit="steps/s", by="torch eager")


def compare(path):
    figures = [json.loads(line) for line in open(path, encoding="utf-8")]
    ours = {(f["what"], f["model"], f["precision"], f["batch"]): f["rate"] for f in figures if f["by"] == "clipcalib"}
    print(f"{'what':10} {'model':9} {'':5} {'batch':>5} {'clipcalib':>10} {'torch':>10} {'ratio':>6}  by")
    for f in figures:
        mine = ours.get((f["what"], f["model"], f["precision"], f["batch"]))
        if f["by"] != "clipcalib" and mine:
            print(f"{f['what']:10} {f['model']:9} {f['precision']:5} {f['batch']:5} {mine:10.1f} {f['rate']:10.1f} {mine / f['rate']:6.2f}  {f['by']}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", help="measure, and append the figures to this file")
    parser.add_argument("--compare", help="print the ratios of a file of figures")
    args = parser.parse_args()
    if args.out:
        measure(args.out)
    if args.compare:
        compare(args.compare)

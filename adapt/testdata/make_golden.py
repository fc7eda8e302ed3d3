"""Writes golden.json: every adapter under every remedy, trained in PyTorch.

A re-statement of the methods' formulas, on autograd, independent of the Go
code: 40 features of width 16 in 5 classes, 30 epochs, in float64 and float32.

    python make_golden.py > golden.json

Made with torch 2.15.0, numpy 2.4.6.
"""

import json
import math
import sys

import numpy as np
import torch
import torch.nn.functional as F

N, D, K, T, EPOCHS, SCALE = 40, 16, 5, 12, 30, 100.0
ALL = list(range(N))


def make_data():
    """Features and prototypes in a narrow cone, as CLIP's are."""
    rng = np.random.default_rng(11)
    cone = rng.normal(size=D)
    cone /= np.linalg.norm(cone)
    text = 9 * (cone + 0.13 * rng.normal(size=(K, D)))
    labels = np.arange(N) % K
    direction = 0.3 * cone + 0.9 * np.roll(cone, 3)
    def draw(y):
        x = direction + 0.07 * (text[y] / 9 - cone) / 0.13 + 0.13 * rng.normal(size=(len(y), D))
        return x * rng.uniform(2, 3, size=(len(y), 1))
    test_labels = np.arange(T) % K
    views = np.concatenate([draw(labels) for _ in range(3)])
    r32 = lambda a: a.astype(np.float32).astype(np.float64)
    h = D // 4
    return {
        "features": r32(views), "labels": labels, "prototypes": r32(text),
        "test": r32(draw(test_labels)),
        "w1": r32(rng.uniform(-1, 1, size=(h, D)) / math.sqrt(D)),
        "w2": r32(rng.uniform(-1, 1, size=(D, h)) / math.sqrt(h)),
        "start": r32(0.3 * rng.normal(size=(K, D))),
    }


# The random order of batches: PCG-DXSM, Lemire's bounded numbers, Fisher-Yates.
M64 = (1 << 64) - 1


class PCG:
    def __init__(self, seed, stream):
        self.state = seed << 64 | stream

    def next(self):
        mul = 2549297995355413924 << 64 | 4865540595714422341
        inc = 6364136223846793005 << 64 | 1442695040888963407
        self.state = (self.state * mul + inc) & ((1 << 128) - 1)
        hi, lo = self.state >> 64, self.state & M64
        hi ^= hi >> 32
        hi = hi * 0xDA942042E4DD58B5 & M64
        hi ^= hi >> 48
        return hi * (lo | 1) & M64

    def below(self, n):
        while True:
            m = self.next() * n
            if m & M64 >= (1 << 64) % n:
                return m >> 64

    def permutation(self, n):
        p = list(range(n))
        for i in range(n - 1, 0, -1):
            j = self.below(i + 1)
            p[i], p[j] = p[j], p[i]
        return p


def rate(epoch, base, epochs):
    return 1e-5 if epoch == 0 else base * (1 + math.cos(math.pi * (epoch - 1) / epochs)) / 2


def cos(f, w):
    return SCALE * F.normalize(f, dim=1) @ F.normalize(w, dim=1).T


def ranges(z):
    return z.amin(1, keepdim=True), z.amax(1, keepdim=True)


def mapped(l, z):
    zmin, zmax = ranges(z)
    lmin, lmax = ranges(l)
    return (zmax - zmin) / (lmax - lmin) * (l - lmin) + zmin


def loss_of(name, l, y):
    logp = l.log_softmax(1)
    ce = F.nll_loss(logp, y)
    if name == "label-smoothing":
        return 0.95 * ce + 0.05 * (-logp.mean(1)).mean()
    if name == "ecp":
        p = l.softmax(1).clamp(1e-10, 1 - 1e-10)
        return ce - 0.1 * (-p * p.log()).mean()
    if name == "focal":
        py = logp.gather(1, y[:, None]).squeeze(1)
        return (-(1 - py.exp()) ** 3 * py).mean()
    if name == "mbls":
        return ce + 0.1 * F.relu(l.max(1, keepdim=True).values - l - 10).mean()
    if name == "logitnorm":
        return F.cross_entropy(l / (0.04 * (l.norm(dim=1, keepdim=True) + 1e-7)), y)
    return ce


def model(method, data, dtype, perturbed, compat, views):
    """Returns trained tensors, logits(f) and an extra loss term."""
    t = torch.tensor(data["prototypes"], dtype=dtype)
    f = torch.tensor(data["features"][: views * N], dtype=dtype)
    y = torch.tensor(np.tile(data["labels"], views))
    start = torch.tensor(data["start"], dtype=dtype)
    none = lambda: 0
    train = lambda a: a.clone().requires_grad_()
    if method == "zero-shot":
        return {}, lambda q: cos(q, t), none
    if method in ("zslp", "clap"):
        w = train(t + start if perturbed else t)
        extra = none
        if method == "clap":
            p = cos(f, t).softmax(1)
            alpha = torch.stack([p[y == k, k].mean() for k in range(K)])
            extra = lambda: (alpha * ((w - t) ** 2).sum(1)).sum() / K
        return {"classifier": w}, lambda q: cos(q, w), extra
    if method == "taskres":
        x = train(start if perturbed else torch.zeros_like(t))
        return {"residual": x}, lambda q: cos(q, t + 0.5 * x), none
    if method == "clip-adapter":
        w1 = train(torch.tensor(data["w1"], dtype=dtype))
        w2 = train(torch.tensor(data["w2"], dtype=dtype))
        return {"w1": w1, "w2": w2}, lambda q: cos(0.2 * F.relu(F.relu(q @ w1.T) @ w2.T) + 0.8 * q, t), none
    # Tip-Adapter
    keys = f[:N] if compat == "clipcalib" else f.reshape(views, N, D).mean(0)
    values = F.one_hot(y[:N], K).to(dtype)
    trains = method == "tip-adapter-f" or compat == "clipcalib"
    keys = train(keys) if trains else keys
    query = (lambda q: q) if compat == "clipcalib" else (lambda q: F.normalize(q, dim=1))
    logits = lambda q: cos(q, t) + torch.exp(query(q) @ F.normalize(keys, dim=1).T - 1) @ values
    return ({"cache_keys": keys} if trains else {}), logits, none


def batches(epoch, batch, seed, views, compat):
    """The rows of every step of an epoch."""
    pool = compat == "clipcalib"
    steps = N // batch
    if steps == 0:
        steps, batch = 1, min(batch, N * views if pool else N)
    total = N * views if pool else N
    n = batch * steps
    if steps == 1 and n == total and (pool or views == 1):
        rows = list(range(n))
    else:
        rows = PCG(seed, epoch).permutation(total)[:n]
        if not pool and views > 1:
            g = PCG(seed, (1 << 33) + epoch)
            rows = [r + N * g.below(views) for r in rows]
    return [rows[i * batch : (i + 1) * batch] for i in range(steps)]


def train(data, dtype, method, remedy="none", loss="ce", lr=0.1, batch=256, seed=1, views=1,
          compat="textbook", perturbed=False, optimizer="sgd", decay=0.0, epsilon=1e-8, schedule="warm-cosine"):
    t = torch.tensor(data["prototypes"], dtype=dtype)
    f = torch.tensor(data["features"][: views * N], dtype=dtype)
    y = torch.tensor(np.tile(data["labels"], views))
    params, logits, extra = model(method, data, dtype, perturbed, compat, views)
    losses = []
    if params:
        values = [params[k] for k in sorted(params)]
        if optimizer == "adamw":
            opt = torch.optim.AdamW(values, lr=lr, eps=epsilon, weight_decay=decay)
        else:
            opt = torch.optim.SGD(values, lr=lr, momentum=0.9, weight_decay=decay)
        each = len(batches(0, batch, seed, views, compat))
        by_step = torch.optim.lr_scheduler.CosineAnnealingLR(opt, EPOCHS * each) if schedule == "step-cosine" else None
        # The reference's training-free Tip-Adapter ends with the warm-up epoch.
        for epoch in range(1 if method == "tip-adapter" else EPOCHS):
            if by_step is None:
                for group in opt.param_groups:
                    group["lr"] = rate(epoch, lr, EPOCHS)
            total = 0.0
            steps = batches(epoch, batch, seed, views, compat)
            for rows in steps:
                l, z = logits(f[rows]), cos(f[rows], t)
                value = loss_of(loss, mapped(l, z) if remedy == "zs-norm" else l, y[rows])
                if remedy == "penalty":
                    lo, hi = ranges(z)
                    value = value + 10 * (F.relu(l - hi).mean() + F.relu(lo - l).mean())
                value = value + extra()
                opt.zero_grad()
                value.backward()
                opt.step()
                if by_step is not None:
                    by_step.step()
                total += value.item()
            losses.append(total / len(steps))
    q = torch.tensor(data["test"], dtype=dtype)
    with torch.no_grad():
        out = logits(q)
        if remedy == "sals":
            out = mapped(out, cos(q, t))
    return losses, out.double().numpy()


METHODS = ["zero-shot", "zslp", "clip-adapter", "tip-adapter", "tip-adapter-f", "taskres", "clap"]


def cases():
    for method in METHODS:
        for remedy in ["none", "zs-norm", "penalty", "sals"]:
            yield dict(method=method, remedy=remedy)
    for method in ["zslp", "taskres"]:
        yield dict(method=method, remedy="penalty", perturbed=True)
    for loss in ["label-smoothing", "ecp", "focal", "mbls", "logitnorm"]:
        yield dict(method="taskres", loss=loss, lr=0.02)
    yield dict(method="taskres", remedy="zs-norm", loss="focal")
    yield dict(method="taskres", batch=16, seed=3)
    yield dict(method="zslp", batch=16, seed=3, views=3)
    yield dict(method="zslp", batch=16, seed=3, views=3, compat="clipcalib")
    yield dict(method="clip-adapter", batch=64, seed=5, views=3, compat="clipcalib")
    yield dict(method="clap", views=3, compat="clipcalib")
    yield dict(method="tip-adapter", views=3)
    yield dict(method="tip-adapter", views=3, compat="clipcalib")
    yield dict(method="tip-adapter", remedy="penalty", compat="clipcalib", batch=16, seed=3)
    yield dict(method="tip-adapter-f", compat="clipcalib", lr=0.001)
    yield dict(method="taskres", optimizer="adamw", lr=0.01, decay=0.1)
    yield dict(method="zslp", decay=0.0005)
    # Tip-Adapter-F as published: the rate falls from step to step.
    yield dict(method="tip-adapter-f", optimizer="adamw", epsilon=1e-4, lr=0.001, schedule="step-cosine", batch=16, seed=3, views=3)
    yield dict(method="taskres", schedule="step-cosine", batch=16, seed=3)


def digits(a, n=9):
    return [float(f"{v:.{n}g}") for v in np.asarray(a).ravel()]


def main():
    torch.manual_seed(0)
    data = make_data()
    out = {
        "made_with": f"torch {torch.__version__.split('+')[0]}, numpy {np.__version__}",
        "epochs": EPOCHS, "classes": K, "width": D, "samples": N,
        "data": {k: digits(v) for k, v in data.items()},
        "cases": [],
    }
    for case in cases():
        l64, z64 = train(data, torch.float64, **case)
        l32, z32 = train(data, torch.float32, **case)
        spread = max([abs(a - b) / max(abs(a), 1e-3) for a, b in zip(l64, l32)], default=0)
        print(f"{case}: loss {l64[:1]} to {l64[-1:]}, float32 differs by {spread:.1e} in the loss, "
              f"{np.abs(z64 - z32).max():.1e} of {np.abs(z64).max():.0f} in a logit", file=sys.stderr)
        out["cases"].append({**case, "losses": digits(l64), "losses32": digits(l32[:5], 7), "logits": digits(z64),
                             "float32_spread": float(f"{spread:.2g}"), "float32_logits": float(f"{np.abs(z64 - z32).max():.2g}")})
    text = json.dumps(out)
    print(text.replace('{"method"', '\n{"method"'))


main()

"""Writes foreign/: adapters as the public implementations save them, and
foreign.json: features, prototypes and the logits that their formulas give.

A re-statement of the formulas in float64, independent of the Go code: 5 classes,
width 16. The files have what the public code saves: Dassl's dictionary with the
states of optimiser and schedule (CLIPCalib, CLAP, TaskRes, CLIP-Adapter), or one
tensor (Tip-Adapter's caches, CLIPCalib's logits).

Made with torch 2.15.0, numpy 2.4.6. Run in this folder:  python make_foreign.py
"""

import json
import os
import sys
import types

import numpy as np
import torch
import torch.nn.functional as F

K, D, N, T, SCALE = 5, 16, 10, 12, 100.0

dassl = types.ModuleType("dassl.optim.lr_scheduler")
for name in ("dassl", "dassl.optim", "dassl.optim.lr_scheduler"):
    sys.modules[name] = dassl


class ConstantWarmupScheduler(torch.optim.lr_scheduler.LRScheduler):
    def __init__(self, optimizer, successor, warmup_epoch, cons_lr):
        self.successor, self.warmup_epoch, self.cons_lr, self.verbose = successor, warmup_epoch, cons_lr, False
        super().__init__(optimizer, -1)

    def get_lr(self):
        return self.successor.get_last_lr() if self.last_epoch >= self.warmup_epoch else [self.cons_lr] * len(self.base_lrs)


ConstantWarmupScheduler.__module__ = dassl.__name__
dassl.ConstantWarmupScheduler = ConstantWarmupScheduler


def save(path, module, epoch):
    """What Dassl's save_checkpoint writes of a registered model."""
    trained = [p for p in module.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.1, momentum=0.9)
    scheduler = ConstantWarmupScheduler(optimizer, torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 300), 1, 1e-5)
    sum(p.float().sum() for p in trained).backward()
    kept = {k: v.clone() for k, v in module.state_dict().items()}
    optimizer.step()
    schedule = {k: v for k, v in scheduler.state_dict().items() if k != "_get_lr_called_within_step"}
    torch.save({"state_dict": kept, "epoch": epoch, "optimizer": optimizer.state_dict(), "scheduler": schedule,
                "val_result": None}, path)


class Module(torch.nn.Module):
    def __init__(self, buffers=(), trained=(), frozen=()):
        super().__init__()
        for name, v in buffers:
            self.register_buffer(name, v)
        for name, v in trained:
            setattr(self, name, torch.nn.Parameter(v))
        for name, v in frozen:
            setattr(self, name, torch.nn.Parameter(v, requires_grad=False))


def layers(w1, w2):
    down, up = torch.nn.Linear(D, D // 4, bias=False), torch.nn.Linear(D // 4, D, bias=False)
    down.weight, up.weight = torch.nn.Parameter(w1), torch.nn.Parameter(w2)
    return torch.nn.Sequential(down, torch.nn.ReLU(), up, torch.nn.ReLU())


def cos(f, w):
    return SCALE * F.normalize(f, dim=1) @ F.normalize(w, dim=1).T


def main():
    rng = np.random.default_rng(7)
    draw = lambda *shape: torch.tensor(rng.normal(size=shape).astype(np.float32))
    cone = draw(D)
    cone /= cone.norm()
    base = (9 * (cone + 0.13 * draw(K, D))).half().float()
    y = torch.arange(T) % K
    f = 2.5 * (0.4 * cone + 0.8 * F.normalize(base, dim=1)[y] + 0.1 * draw(T, D))
    support_y = torch.arange(N) % K
    support = 2.5 * (0.4 * cone + 0.8 * F.normalize(base, dim=1)[support_y] + 0.1 * draw(N, D))
    x, w = 0.5 * draw(K, D), base + 0.3 * draw(K, D)
    w1, w2 = draw(D // 4, D) / 4, draw(D, D // 4) / 2
    keys = support + 0.05 * draw(N, D)
    onehot = F.one_hot(support_y, K)
    os.chdir("foreign")

    text = lambda: [("base_text_features", base.clone())]
    save("clipcalib-tr.pth.tar-300", Module(text(), [("prototypes", x.clone())]), 300)
    save("clipcalib-zs.pth.tar-300", Module(text(), [("prototypes", w.clone())]), 300)
    clip = Module(text(), (), [("prototypes", base.clone())])
    clip.mlp = layers(w1.clone(), w2.clone())
    save("clipcalib-clipa.pth.tar-300", clip, 300)
    save("clipcalib-tipa-f.pth.tar-300", Module(text(), [("cache_keys", keys.clone())],
                                                [("prototypes", base.clone()), ("cache_values", onehot.float())]), 300)
    save("taskres.pth.tar-100", Module(text(), [("text_feature_residuals", x.clone())]), 100)
    fc = torch.nn.Module()
    fc.fc = layers(w1.half(), w2.half())
    save("clip-adapter.pth.tar-200", fc, 200)
    cached = F.normalize(support, dim=1).half().permute(1, 0)
    torch.save(cached, "keys_2shots.pt")
    torch.save(onehot.half(), "values_2shots.pt")
    best = torch.nn.Parameter((F.normalize(support, dim=1) + 0.1 * draw(N, D)).half())
    torch.save(best, "best_F_2shots.pt")

    d = lambda v: v.double()
    values = d(onehot)
    q, n = d(f), F.normalize(d(f), dim=1)
    zero = cos(q, d(base))
    adapted = lambda a, b: cos(0.2 * F.relu(F.relu(q @ d(a).T) @ d(b).T) + 0.8 * q, d(base))
    logits = {
        "clipcalib-tr.pth.tar-300": cos(q, d(base) + 0.5 * d(x)),
        "clipcalib-zs.pth.tar-300": cos(q, d(w)),
        "clipcalib-clipa.pth.tar-300": adapted(w1, w2),
        "clipcalib-tipa-f.pth.tar-300": zero + torch.exp(q @ F.normalize(d(keys), dim=1).T - 1) @ values,
        "taskres.pth.tar-100": cos(q, d(base) + 0.5 * d(x)),
        "clip-adapter.pth.tar-200": adapted(w1.half(), w2.half()),
        "keys_2shots.pt": zero + 1.17 * torch.exp(-2 + 2 * (n @ d(cached))) @ values,
        "best_F_2shots.pt": zero + 1.17 * torch.exp(-2 + 2 * (n @ d(best.detach()).T)) @ values,
    }
    # CLIPCalib's save_logits_and_target, on logits that came off a model in half precision.
    torch.save(logits["clipcalib-tr.pth.tar-300"].half().requires_grad_(), "logits.pt")
    torch.save(y, "target.pt")

    # The training-free Tip-Adapter of CLIPCalib: an epoch of one step at 1e-5. The
    # labels are those of other classes, so that there is something to learn.
    long, step_y = 1.2 * support, (support_y + 1) % K
    values = d(F.one_hot(step_y, K))
    moved = d(long).requires_grad_()
    step = cos(d(long), d(base)) + torch.exp(d(long) @ F.normalize(moved, dim=1).T - 1) @ values
    F.cross_entropy(step, step_y).backward()
    change = -1e-5 * moved.grad

    digits = lambda a, n=10: [float(f"{v:.{n}g}") for v in np.asarray(a.detach().double()).ravel()]
    out = {
        "made_with": f"torch {torch.__version__.split('+')[0]}, numpy {np.__version__}",
        "classes": K, "width": D, "features": digits(f), "labels": y.tolist(), "prototypes": digits(base),
        "support": digits(long), "support_labels": step_y.tolist(),
        "logits": {k: digits(v) for k, v in logits.items()},
        "step_change": digits(change), "zero_shot": digits(zero),
    }
    with open("../foreign.json", "w") as file:
        file.write(json.dumps(out).replace('"logits"', '\n"logits"') + "\n")
    print({k: float((v - zero).abs().max()) for k, v in logits.items()}, float(change.abs().max()))


if __name__ == "__main__":
    os.chdir(os.path.dirname(os.path.abspath(sys.argv[0])))
    main()

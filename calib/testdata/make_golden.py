"""Writes golden.json: metrics, remedies, losses and temperatures in float64.

An independent statement of the definitions, for the Go tests to agree with to
1e-12. Metrics are NumPy; losses and gradients come from PyTorch's automatic
differentiation; temperatures from PyTorch's L-BFGS, checked against SciPy.

    python make_golden.py            # writes golden.json beside this file

Made with Python 3.11, NumPy 2.4.6, PyTorch 2.15.0, SciPy 1.17.1.
"""

import json
import math
import pathlib

import numpy as np
import scipy.optimize
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


# ---- metrics ---------------------------------------------------------------

def softmax(l):
    e = np.exp(l - l.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def equal_width(conf, correct, bins):
    """Per bin ceil(bins*c - 1): fraction of samples, accuracy, confidence."""
    index = np.array([max(math.ceil(bins * c - 1), 0) for c in conf])
    out = []
    for m in range(bins):
        inside = index == m
        if inside.any():
            out.append((inside.mean(), correct[inside].mean(), conf[inside].mean()))
    return out


def between_edges(conf, correct, edges):
    """Σ of fraction * |accuracy - confidence| over lower < c <= upper."""
    total = 0.0
    for lower, upper in zip(edges[:-1], edges[1:]):
        inside = (conf > lower) & (conf <= upper)
        if inside.any():
            total += inside.mean() * abs(correct[inside].mean() - conf[inside].mean())
    return total


def classwise(p, y, bins, threshold=None):
    edges = np.linspace(0, 1, bins + 1)
    per_class = []
    for k in range(y.max() + 1):
        q, hit = p[:, k], y == k
        if threshold is not None:
            keep = q > threshold
            q, hit = q[keep], hit[keep]
        per_class.append(between_edges(q, hit, edges) if len(q) else 0.0)
    return float(np.mean(per_class))


def closed(edges):
    """The first bin takes its lower edge too."""
    return np.concatenate([[-1.0], edges[1:]])


def classwise_closed(p, y, bins):
    edges = closed(np.linspace(0, 1, bins + 1))
    return float(np.mean([between_edges(p[:, k], y == k, edges) for k in range(p.shape[1])]))


def metrics(l, y, bins, fine):
    p = softmax(l)
    conf, pred = p.max(1), l.argmax(1)
    correct = (pred == y).astype(float)
    n = len(y)
    b = equal_width(conf, correct, bins)
    b_fine = equal_width(conf, correct, fine)
    quantiles = np.interp(np.linspace(0, n, fine + 1), np.arange(n), np.sort(conf))
    logp = F.log_softmax(torch.tensor(l), 1).numpy()
    onehot = np.eye(l.shape[1])[y]
    return {
        "accuracy": correct.mean(),
        "ece": sum(w * abs(a - c) for w, a, c in b),
        "adaptive_ece": between_edges(conf, correct, quantiles),
        "classwise_ece": classwise(p, y, fine),
        "adaptive_ece_closed": between_edges(conf, correct, closed(quantiles)),
        "classwise_ece_closed": classwise_closed(p, y, fine),
        "thresholded_classwise_ece": classwise(p, y, fine, 1e-3),
        "mce": max(abs(a - c) for _, a, c in b),
        "ace": float(np.mean([abs(a - c) for _, a, c in b])),
        "l2_error": math.sqrt(sum(w * (a - c) ** 2 for w, a, c in b_fine)),
        "nll": -logp[np.arange(n), y].mean(),
        "brier": ((p - onehot) ** 2).sum(1).mean(),
        "logit_range": (l.max(1) - l.min(1)).mean(),
        "logit_norm": np.linalg.norm(l, axis=1).mean(),
    }


# ---- remedies and losses ---------------------------------------------------

def to_zero_shot_range(l, zs):
    lo, hi = l.min(1, keepdim=True).values, l.max(1, keepdim=True).values
    zlo, zhi = zs.min(1, keepdim=True).values, zs.max(1, keepdim=True).values
    return (zhi - zlo) / (hi - lo) * (l - lo) + zlo


def penalty(l, zs, weight):
    zlo, zhi = zs.min(1, keepdim=True).values, zs.max(1, keepdim=True).values
    return weight * (F.relu(l - zhi).mean() + F.relu(zlo - l).mean())


def ecp(l, y, alpha):
    p = F.softmax(l, 1).clamp(1e-10, 1 - 1e-10)
    return F.cross_entropy(l, y) - alpha * (-p * p.log()).mean()


def focal(l, y, gamma):
    logp = F.log_softmax(l, 1).gather(1, y[:, None])[:, 0]
    p = logp.exp()
    if gamma is None:
        gamma = torch.where(p.detach() < 0.2, 5.0, 3.0)
    return (-((1 - p) ** gamma) * logp).mean()


def mbls(l, y, margin, alpha):
    excess = l.max(1, keepdim=True).values - l
    return F.cross_entropy(l, y) + alpha * F.relu(excess - margin).mean()


def logit_norm(l, y, tau):
    return F.cross_entropy(l / (tau * (l.norm(dim=1, keepdim=True) + 1e-7)), y)


def brier(l, y):
    return ((F.softmax(l, 1) - F.one_hot(y, l.shape[1])) ** 2).sum(1).mean()


LOSSES = {
    "cross_entropy": lambda l, zs, y: F.cross_entropy(l, y),
    "label_smoothing": lambda l, zs, y: F.cross_entropy(l, y, label_smoothing=0.05),
    "ecp": lambda l, zs, y: ecp(l, y, 0.1),
    "focal": lambda l, zs, y: focal(l, y, 3.0),
    "adaptive_focal": lambda l, zs, y: focal(l, y, None),
    "mbls": lambda l, zs, y: mbls(l, y, 2.0, 0.1),
    "logit_norm": lambda l, zs, y: logit_norm(l, y, 0.04),
    "brier": lambda l, zs, y: brier(l, y),
    "zs_norm": lambda l, zs, y: F.cross_entropy(to_zero_shot_range(l, zs), y),
    "penalty": lambda l, zs, y: penalty(l, zs, 10.0),
}


def losses(l, zs, y):
    out = {}
    for name, f in LOSSES.items():
        x = torch.tensor(l, requires_grad=True)
        value = f(x, torch.tensor(zs), torch.tensor(y))
        value.backward()
        out[name] = {"value": value.item(), "grad": x.grad.flatten().tolist()}
    return out


# ---- temperature -----------------------------------------------------------

def temperature(l, y):
    x, t = torch.tensor(l), torch.tensor([1.5], requires_grad=True)
    target = torch.tensor(y)
    opt = torch.optim.LBFGS([t], lr=1.0, max_iter=500, tolerance_grad=1e-14,
                            tolerance_change=1e-16, line_search_fn="strong_wolfe")

    def closure():
        opt.zero_grad()
        loss = F.cross_entropy(x / t, target)
        loss.backward()
        return loss

    opt.step(closure)
    nll = lambda t: float(F.cross_entropy(x / t, target))

    def slope(u):
        b = torch.tensor(u, requires_grad=True)
        F.cross_entropy(x * b, target).backward()
        return b.grad.item()

    exact = 1 / scipy.optimize.brentq(slope, 1e-3, 1e3, xtol=1e-15, rtol=1e-14)
    assert abs(exact - t.item()) < 1e-6 * exact, (exact, t.item())
    grid = [0.1 * i for i in range(1, 101)]
    by_nll = min(grid, key=nll)

    def ece(t):
        p = softmax(l / t)
        c = (l.argmax(1) == y).astype(float)
        return sum(w * abs(a - q) for w, a, q in equal_width(p.max(1), c, 10))

    return {"t": exact, "lbfgs": t.item(), "nll": nll(exact),
            "grid_nll": by_nll, "grid_ece": min(grid, key=ece)}


# ---- cases -----------------------------------------------------------------

def cases(rng):
    def noisy(n, k, spread, zs_spread, signal):
        y = rng.integers(0, k, n)
        zs = rng.normal(20, zs_spread, (n, k))
        l = zs + rng.normal(0, spread, (n, k))
        l[np.arange(n), y] += signal
        return np.round(l, 5), np.round(zs, 5), y

    yield "over-confident, 5 classes", *noisy(90, 5, 3, 1.5, 2), 10, 15
    yield "diffuse, 12 classes", *noisy(60, 12, 0.3, 0.2, 0.5), 10, 15
    yield "scale of CLIP, 20 classes", *noisy(40, 20, 2, 3, 4), 20, 7
    yield "saturated", *(np.round(a * s, 4) if i < 2 else a for i, (a, s) in
                         enumerate(zip(noisy(30, 4, 3, 2, 3), (60, 60, 1)))), 10, 15
    l, zs, y = noisy(40, 6, 2, 1, 2)
    yield "largest label below the last column", l, zs, y % 4, 10, 15
    l, zs, y = noisy(24, 4, 1, 1, 1)
    l[:8] = 2.5
    l[8:12, 1:3] = 9.0
    yield "ties and uniform rows", l, zs, y, 10, 15
    yield "uniform over five, on an edge of every bin count", np.full((6, 5), 1.25), \
        rng.normal(0, 1, (6, 5)).round(4), np.arange(6) % 5, 10, 15
    yield "one sample", *noisy(1, 3, 2, 1, 1), 10, 15
    yield "one class", np.array([[3.0], [-2.0], [0.5]]), np.array([[1.0], [2.0], [3.0]]), \
        np.zeros(3, int), 10, 15
    yield "negative logits", *(a - 70 if i < 2 else a for i, a in
                               enumerate(noisy(16, 8, 2, 1, 2))), 10, 15


    for n in (77, 100):
        l, zs, y = noisy(n, 3, 2, 1, 1)
        yield f"{n} samples, not a multiple of the bins", l, zs, y, 9, 15


def main():
    rng = np.random.default_rng(20240713)
    out = []
    for name, l, zs, y, bins, fine in cases(rng):
        case = {"name": name, "n": l.shape[0], "k": l.shape[1], "bins": bins, "fine_bins": fine,
                "logits": l.flatten().tolist(), "zero_shot": zs.flatten().tolist(),
                "labels": y.tolist(), "metrics": {k: float(v) for k, v in metrics(l, y, bins, fine).items()}}
        if (l.max(1) > l.min(1)).all():
            mapped = to_zero_shot_range(torch.tensor(l), torch.tensor(zs))
            case["sals_metrics"] = {k: float(v) for k, v in metrics(mapped.numpy(), y, bins, fine).items()}
            if l.size < 150:
                case["sals"] = mapped.flatten().tolist()
        if l.size <= 130 and (l.max(1) > l.min(1)).all() and l.shape[1] > 1 and "ties" not in name:
            case["losses"] = losses(l, zs, y)
        if 30 < len(y) and l.shape[1] > 1:
            case["temperature"] = temperature(l, y)
        out.append(case)
    path = pathlib.Path(__file__).with_name("golden.json")
    path.write_text(json.dumps({"numpy": np.__version__, "torch": torch.__version__,
                                "cases": out}, indent=None, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")


if __name__ == "__main__":
    main()

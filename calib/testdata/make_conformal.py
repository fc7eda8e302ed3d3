"""Writes conformal.json: sets of TorchCP, and Conf-OT, SS-Text and full conformal
adaptation stated again in NumPy.

    python make_conformal.py            # writes conformal.json beside this file

Made with Python 3.11, NumPy 2.4.6, SciPy 1.17.1, PyTorch 2.15.0, TorchCP 1.2.1.
"""

import hashlib
import json
import math
import pathlib
import sys
import types

import numpy as np
import torch
from scipy.special import softmax

torch.set_default_dtype(torch.float64)


def bare(*names):
    """Packages without their __init__, which import more than is needed here."""
    for name in names:
        module = types.ModuleType(name)
        module.__path__ = [str(pathlib.Path(np.__file__).parents[1] / name.replace(".", "/"))]
        sys.modules[name] = module


bare("torchcp", "torchcp.classification", "torchcp.classification.score", "torchcp.utils")
from torchcp.classification.score.aps import APS  # noqa: E402
from torchcp.classification.score.lac import LAC  # noqa: E402
from torchcp.classification.score.raps import RAPS  # noqa: E402
from torchcp.utils.common import calculate_conformal_value  # noqa: E402


def made(n, k):
    """Logits and labels that whole numbers determine, so that Go makes them too."""
    i, c = np.arange(n)[:, None], np.arange(k)[None, :]
    z = ((i * 7919 + c * 104729 + i * c * 31 + i * i * 17) % 10007) / 1500 + c * 1e-4
    top = z.argmax(1)
    y = np.where(np.arange(n) % 3 > 0, top, (np.arange(n) * 13 + 5) % k)
    return z, y


def torchcp():
    z, y = made(11000, 20)
    out = []
    zt, yt = torch.tensor(z), torch.tensor(y)
    for name, score in [("lac", LAC()), ("aps", APS(randomized=False)), ("raps", RAPS(randomized=False, penalty=0.02, kreg=3))]:
        for coverage in (0.9, 0.75):
            q = calculate_conformal_value(score(zt[:1000], yt[:1000]), 1 - coverage)
            inside = (score(zt[1000:]) <= q).numpy()
            out.append({"score": name, "coverage": coverage, "threshold": float(q), "total": int(inside.sum()),
                        "sha256": hashlib.sha256(inside.astype(np.uint8).tobytes()).hexdigest()})
    return out


def conf_ot(z, r, epsilon, iterations):
    q = np.exp(z / epsilon).T
    q /= q.sum()
    for _ in range(iterations):
        q /= q.sum(1, keepdims=True)
        q *= r[:, None]
        q /= q.sum(0, keepdims=True)
        q /= q.shape[1]
    return (q * q.shape[1]).T


def ss_text(f, y, t, s):
    n = len(y)
    weight = max(1 / n, 1e-3)
    w = t.copy()
    for k in range(len(t)):
        w[k] += s * f[y == k].sum(0) / (n * weight)
    return w


def cosine(f, w, s):
    return s * (f / np.linalg.norm(f, axis=1, keepdims=True)) @ (w / np.linalg.norm(w, axis=1, keepdims=True)).T


def score(name, p, y):
    if name == "lac":
        return 1 - p[y]
    order = np.argsort(-p, kind="stable")
    return np.cumsum(p[order])[list(order).index(y)]


def full(name, f, y, t, s, x, coverage):
    sets = []
    for one in x:
        kept = []
        for c in range(len(t)):
            fj, yj = np.vstack([f, one]), np.append(y, c)
            p = softmax(cosine(fj, ss_text(fj, yj, t, s), s), 1)
            scores = sorted(score(name, p[i], yj[i]) for i in range(len(y)))
            q = scores[math.ceil((len(y) + 1) * coverage) - 1]
            if score(name, p[-1], c) <= q:
                kept.append(c)
        sets.append(kept)
    return sets


def main():
    rng = np.random.default_rng(7)
    k, d, n, m, s = 4, 6, 24, 15, 20.0
    t = rng.normal(size=(k, d))
    y = np.arange(n) % k
    f = t[y] + 0.9 * rng.normal(size=(n, d))
    x = t[np.arange(m) % k] + 0.9 * rng.normal(size=(m, d))
    z = cosine(np.vstack([f, x]), t, s)
    r = np.bincount(y, minlength=k) / n
    skewed = np.append(y[:-2], [0, 0])
    out = {
        "torchcp": torchcp(), "k": k, "d": d, "n": n, "m": m, "scale": s,
        "text": t.ravel().tolist(), "features": f.ravel().tolist(), "labels": y.tolist(), "skewed": skewed.tolist(),
        "test": x.ravel().tolist(), "logits": z.ravel().tolist(),
        "conf_ot": conf_ot(z, r, 1.0, 3).ravel().tolist(),
        "conf_ot_skewed": conf_ot(z, np.bincount(skewed, minlength=k) / n, 0.5, 7).ravel().tolist(),
        "ss_text": ss_text(f, y, t, s).ravel().tolist(),
        "ss_text_logits": cosine(x, ss_text(f, y, t, s), s).ravel().tolist(),
        "full": {name: full(name, f, y, t, s, x, 0.8) for name in ("lac", "aps")},
    }
    pathlib.Path(__file__).with_name("conformal.json").write_text(json.dumps(out))


main()

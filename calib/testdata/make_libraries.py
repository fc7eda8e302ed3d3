"""Writes libraries.json: metrics, scalers and statistics as other people's code
has them, for the Go tests to agree with.

    python make_libraries.py            # writes libraries.json beside this file

Made with Python 3.11, NumPy 2.4.6, SciPy 1.17.1, scikit-learn 1.9.1, PyTorch
2.15.0, torchmetrics 1.9.0, netcal 1.4.0, torch-uncertainty 0.13.0, relplot 1.0.3,
uncertainty-calibration 0.1.4.
"""

import json
import pathlib
import sys
import types

import numpy as np
import scipy.optimize
import scipy.stats
import sklearn.base
import torch
from scipy.special import log_softmax, logsumexp, softmax
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score

torch.set_default_dtype(torch.float64)


def bare(*names):
    """Packages without their __init__, which import more than is needed here."""
    for name in names:
        module = types.ModuleType(name)
        module.__path__ = [str(pathlib.Path(np.__file__).parents[1] / name.replace(".", "/"))]
        sys.modules[name] = module


bare("relplot", "torch_uncertainty", "torch_uncertainty.metrics", "torch_uncertainty.metrics.classification",
     "torch_uncertainty.utils")


def case(name, n, k, scale, seed, digits=6):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, k, n)
    z = rng.normal(size=(n, k))
    z[np.arange(n), y] += 1.2
    return name, np.round(z * scale, digits), y


CASES = [
    case("six classes", 400, 6, 2.5, 1),
    case("ties", 300, 4, 1.5, 2, digits=0),
    case("scale of CLIP", 500, 12, 6.0, 3),
]


def smooth_error(conf, correct, sigma):
    """The integral of the smoothed residual, by reflected kernels and a fine rule."""
    t = np.linspace(0, 1, 20001)
    total = np.zeros_like(t)
    for c, r in zip(conf, correct - conf):
        for shift in (-2, 0, 2):
            for m in (c + shift, -c + shift):
                total += r * scipy.stats.norm.pdf(t, m, sigma)
    return float(np.trapezoid(np.abs(total) / len(conf), t))


def metrics(z, y):
    from relplot.metrics import smECE
    from netcal.metrics import ACE, ECE, MCE
    from torchmetrics.functional.classification import multiclass_calibration_error as tm
    from calibration import utils as verified
    from torch_uncertainty.metrics.classification.risk_coverage import AURC

    p = softmax(z, 1)
    conf, correct = p.max(1), (p.argmax(1) == y).astype(float)
    out = {}
    pt, yt = torch.tensor(p), torch.tensor(y)
    # torchmetrics works in float32 and has a bin of its own for a confidence of
    # 1, which l2 shows.
    whole = np.float32(conf).max() == 1
    for bins in (10, 15):
        for norm in ("l1", "max") if whole else ("l1", "l2", "max"):
            out[f"torchmetrics {norm} {bins}"] = float(tm(pt, yt, p.shape[1], n_bins=bins, norm=norm))
        for c in (ECE, ACE, MCE):
            out[f"netcal {c.__name__} {bins}"] = float(c(bins).measure(p, y))
    out["sklearn log_loss"] = log_loss(y, p, labels=np.arange(p.shape[1]))
    out["sklearn roc_auc"] = roc_auc_score(correct, conf)
    if len(set(conf)) == len(conf):
        a = AURC()
        a.update(pt, yt)
        out["torch_uncertainty AURC"] = float(a.compute())
    out["smooth 0.05"] = smooth_error(conf, correct, 0.05)
    out["smooth 0.2"] = smooth_error(conf, correct, 0.2)
    relplot = float(smECE(conf, correct))
    if relplot < 0.4:  # its kernel ends at 0.5, which wide ones do not
        out["relplot smECE"] = relplot
    edges = [(m + 1) / 15 for m in range(15)]
    binned = verified.bin(list(zip(conf, correct)), edges)
    kept = [b for b in binned if len(b) > 1]
    out["verified unbiased l2 15"] = float(verified.unbiased_l2_ce(kept)) if len(kept) else 0.0
    edges = [(m + 1) / 4 for m in range(4)]
    binned = [b for b in verified.bin(list(zip(conf, correct)), edges) if len(b)]
    if min(len(b) for b in binned) > 1:
        np.random.seed(0)
        out["verified normal debiased l1 4"] = float(verified.normal_debiased_ce(binned, power=1, resamples=100000))
    return out


class Logits(sklearn.base.ClassifierMixin, sklearn.base.BaseEstimator):
    """A fitted classifier whose inputs are its decision values."""

    def __init__(self, k=2):
        self.k = k

    def fit(self, x, y):
        self.classes_ = np.arange(self.k)
        self.n_features_in_ = x.shape[1]
        return self

    def predict(self, x):
        return x.argmax(1)

    def decision_function(self, x):
        return x[:, 1] if self.k == 2 else x

    def __sklearn_is_fitted__(self):
        return True


def sklearn_calibrated(method, x, y, x2):
    k = x.shape[1]
    base = Logits(k).fit(x, y)
    c = CalibratedClassifierCV(FrozenEstimator(base), method=method, cv=[(np.arange(len(y)), np.arange(len(y)))])
    return c.fit(x, y).predict_proba(x2)


def log_odds(z):
    out = np.empty_like(z)
    for k in range(z.shape[1]):
        out[:, k] = z[:, k] - logsumexp(np.delete(z, k, 1), axis=1)
    return out


def vector(z, y, z2):
    zt, yt = torch.tensor(z), torch.tensor(y)
    w, b = torch.ones(z.shape[1], requires_grad=True), torch.zeros(z.shape[1], requires_grad=True)
    o = torch.optim.LBFGS([w, b], lr=1, max_iter=5000, tolerance_grad=1e-12, tolerance_change=1e-16,
                          history_size=30, line_search_fn="strong_wolfe")

    def closure():
        o.zero_grad()
        loss = torch.nn.functional.cross_entropy(zt * w + b, yt)
        loss.backward()
        return loss

    o.step(closure)
    return torch.softmax(torch.tensor(z2) * w + b, 1).detach().numpy()


def matrix(z, y, z2):
    m = LogisticRegression(C=np.inf, tol=1e-12, max_iter=100000, solver="newton-cg").fit(z, y)
    return m.predict_proba(z2)


def scalers(z, y, z2):
    from netcal.binning import HistogramBinning, IsotonicRegression
    p, p2 = softmax(z, 1), softmax(z2, 1)
    return {
        "temperature": sklearn_calibrated("temperature", z, y, z2),
        "vector": vector(z, y, z2),
        "matrix": matrix(z, y, z2),
        "platt": sklearn_calibrated("sigmoid", log_odds(z), y, log_odds(z2)),
        "isotonic": sklearn_calibrated("isotonic", p, y, p2),
        "isotonic netcal": IsotonicRegression().fit(p, y).transform(p2),
        "histogram": HistogramBinning(15).fit(p, y).transform(p2),
    }


def statistics():
    wilson = []
    for hits, n, level in [(0, 10, .95), (7, 10, .95), (10, 10, .9), (431, 500, .99), (1, 1, .95)]:
        ci = scipy.stats.binomtest(hits, n).proportion_ci(level, "wilson")
        wilson.append({"hits": hits, "n": n, "level": level, "low": ci.low, "high": ci.high})
    rng = np.random.default_rng(4)
    p = np.round(np.concatenate([rng.uniform(size=12), rng.uniform(size=6) ** 4, [0, 1, 0.03, 0.03]]), 4)
    norm = scipy.stats.norm
    coverage = []
    for n, m, c, level in [(100, 200, .9, .95), (1000, 50, .95, .99), (19, 1000, .95, .9)]:
        below = int(np.floor((n + 1) * (1 - c) + 1e-9))
        d = scipy.stats.betabinom(m, n + 1 - below, below)
        coverage.append({"cal": n, "test": m, "coverage": c, "level": level,
                         "low": d.ppf((1 - level) / 2) / m, "high": d.ppf((1 + level) / 2) / m})
    return {
        "wilson": wilson,
        "p": p.tolist(),
        "benjamini_hochberg": scipy.stats.false_discovery_control(p).tolist(),
        "detectable": {"error": 0.013, "level": 0.95, "power": 0.8,
                       "want": 0.013 * (norm.ppf(.975) + norm.ppf(.8))},
        "coverage": coverage,
    }


def main():
    out = {"cases": [], "statistics": statistics()}
    for name, z, y in CASES:
        fit, rest = len(y) * 4 // 5, slice(len(y) * 4 // 5, None)
        probs = {k: v.ravel().tolist() for k, v in scalers(z[:fit], y[:fit], z[rest]).items()}
        out["cases"].append({"name": name, "n": z.shape[0], "k": z.shape[1], "fit": fit, "logits": z.ravel().tolist(),
                             "labels": y.tolist(), "metrics": metrics(z, y), "scalers": probs})
    for c in out["cases"]:
        c["scalers"] = {k: [round(x, 9) for x in v] for k, v in c["scalers"].items()}
    path = pathlib.Path(__file__).with_name("libraries.json")
    path.write_text(json.dumps(out))


main()

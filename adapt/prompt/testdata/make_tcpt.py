"""Writes golden_tcpt.safetensors: ten steps of every method under TCPT.

Checked with torch 2.15, open_clip 3.3, safetensors 0.8.
Run in this folder:  python make_tcpt.py

The methods are those of make_golden.py, in float64. TCPT's term is stated from
its formula: margins of the scaled logits, and the mean and covariance (divided
by K) of the unit text features. "tcpt+penalty" is the sum of both terms.
"""

import os
import sys

import torch
from safetensors.torch import save_file
from torch.nn import functional as F

import make_golden as g


def texts(method, p):
    """The text features [K, D], of every image where they differ."""
    if isinstance(method, g.MaPLe):  # and PromptSRC
        return [method.features(p)[1]]
    if isinstance(method, g.CoCoOp):
        get = lambda k: p["prompt_learner." + k]
        out = []
        for x in method.t.frozen:
            h = F.linear(x, get("meta_net.linear1.weight"), get("meta_net.linear1.bias")).relu()
            bias = F.linear(h, get("meta_net.linear2.weight"), get("meta_net.linear2.bias"))
            out.append(g.unit(g.seeded.text_features(method.t.m, method.tokens, get("ctx") + bias)))
        return out
    return [method.text(p["prompt_learner.ctx"])]


def moments(t):
    return t.mean(0), torch.cov(t.T, correction=0)


def tcpt(method, p, logits):
    y = method.t.labels
    rivals = logits.masked_fill(F.one_hot(y, logits.shape[1]).bool(), -torch.inf)
    m = logits.gather(1, y[:, None])[:, 0] - rivals.max(1).values
    mu0, c0 = moments(method.t.protos)
    apart = 0
    for t in (all := texts(method, p)):
        mu, c = moments(t)
        apart = apart + ((mu - mu0).pow(2).sum() + (c - c0).pow(2).sum()) / len(all)
    return -0.1 * m.mean() + 0.01 * m.var(correction=0) + 5 * apart


def main():
    t = g.Task()
    out = {}
    cases = {"coop": g.CoOp(t, "coop"), "coop-csc": g.CoOp(t, "csc", 3, per_class=True), "kgcoop": g.KgCoOp(t),
             "prograd": g.ProGrad(t), "cocoop": g.CoCoOp(t), "maple": g.MaPLe(t), "promptsrc": g.PromptSRC(t)}
    for name, method in cases.items():
        extra = method.extra
        method.extra = lambda p, logits: extra(p, logits) + tcpt(method, p, logits)
        for remedy, key in (("none", "tcpt"), ("penalty", "penalty+tcpt")):
            if remedy == "penalty" and name != "coop":
                continue
            losses, p, logits = g.train(method, remedy)
            key = f"{name}.{key}."
            print(f"{key:24}", " ".join(f"{x:.4f}" for x in losses))
            out |= {key + k: v for k, v in p.items()}
            out[key + "losses"], out[key + "logits"] = torch.tensor(losses, dtype=torch.float64), logits
    save_file({k: v.detach().float().contiguous() for k, v in out.items()}, "golden_tcpt.safetensors")
    print("torch", torch.__version__)


if __name__ == "__main__":
    os.chdir(os.path.dirname(os.path.abspath(sys.argv[0])))
    main()

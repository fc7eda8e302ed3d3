"""Writes golden.json: the kernels of an engine, by PyTorch in float64.

Inputs are small random arrays, exact in float32; results are PyTorch's, and
gradients are autograd's, with names as in golden.go.

    python make_golden.py > golden.json

Made with torch 2.15.0, numpy 2.4.6.
"""

import json
import math
import sys

import numpy as np
import torch
import torch.nn.functional as F

rng = np.random.default_rng(3)
cases = []


def normal(*shape):
    return torch.tensor(rng.normal(size=shape).round(3), dtype=torch.float32).double()


def array(t):
    t = t.detach()
    if t.dtype == torch.int64:
        return {"shape": list(t.shape), "ints": t.flatten().tolist()}
    return {"shape": list(t.shape) or [1], "floats": [float("%.8g" % v) for v in t.flatten().tolist()]}


def add(op, inputs, f, wrt=()):
    """A case: f of the inputs, and the gradients of sum(f * dy) with respect to
    the inputs of those numbers, where dy is the last input; of a scalar itself."""
    inputs = [t.clone().requires_grad_(i in wrt) for i, t in enumerate(inputs)]
    y = f(*inputs)
    out = [y]
    if wrt:
        total = y.sum() if y.numel() == 1 else (y * inputs[-1]).sum()
        out += torch.autograd.grad(total, [inputs[i] for i in wrt])
    cases.append({"op": op, "in": [array(t) for t in inputs], "out": [array(t) for t in out]})


def attend(qkv, heads, mask):
    n, w3 = qkv.shape
    q, k, v = (t.reshape(n, heads, -1).transpose(0, 1) for t in qkv.split(w3 // 3, dim=1))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(0, 1).reshape(n, -1)


def sequences(batch, tokens):
    return torch.block_diag(*[torch.ones(tokens, tokens)] * batch).bool()


def tree(parents):
    """The packed trie and which node attends to which."""
    n = len(parents)
    depth, end, mask = [0] * n, [i + 1 for i in range(n)], torch.eye(n).bool()
    for i, p in enumerate(parents):
        if p >= 0:
            depth[i] = depth[p] + 1
            mask[i] |= mask[p]
            for j in mask[i].nonzero().flatten().tolist():
                end[j] = max(end[j], i + 1)
    return torch.tensor([parents, depth, end]), mask


def focal(x, y, gamma):
    logp = F.log_softmax(x, 1)[torch.arange(len(y)), y]
    return (-((1 - logp.exp()) ** gamma) * logp).mean()


def confidence(x, y, weight):
    p = F.softmax(x, 1).clamp(1e-10, 1 - 1e-10)
    return F.cross_entropy(x, y) - weight * (-p * p.log()).mean()


def margin(x, y, alpha, width):
    return F.cross_entropy(x, y) + alpha * F.relu(x.max(1, keepdim=True).values - x - width).mean()


def range_map(x, zs):
    low, high = x.min(1, keepdim=True).values, x.max(1, keepdim=True).values
    return (x - low) / (high - low) * (zs[:, 1:] - zs[:, :1]) + zs[:, :1]


add("gemm", [normal(5, 7), normal(6, 7), normal(6), normal(5, 6)], lambda a, b, c, r: F.linear(a, b, c) + r)
for name, act in ("quickgelu", lambda x: x * torch.sigmoid(1.702 * x)), ("gelu", F.gelu), ("relu", F.relu):
    add(name, [normal(40), normal(40)], lambda x, dy, act=act: act(x), wrt=[0])
add("layernorm", [normal(6, 12), normal(12), normal(12), normal(6, 12)],
    lambda x, g, b, dy: F.layer_norm(x, (12,), g, b, 1e-5), wrt=[0, 1, 2])
add("l2", [normal(6, 12), normal(6, 12)], lambda x, dy: F.normalize(x, dim=1), wrt=[0])
add("logitnorm", [normal(6, 12), normal(6, 12)], lambda x, dy: x / (0.5 * (x.norm(dim=1, keepdim=True) + 1e-7)), wrt=[0])
add("attention", [normal(14, 48), normal(14, 16)], lambda x, dy: attend(x, 4, sequences(2, 7)), wrt=[0])
packed, seen = tree([-1, 0, 1, 2, 2, 1, 5, 5, 0, 8, -1, 10, 10])
add("tree", [packed, normal(13, 24), normal(13, 8)], lambda t, x, dy: attend(x, 2, seen), wrt=[1])
labels = torch.tensor([2, 0, 4, 4, 1, 3])
logits = 4 * normal(6, 5)
add("ce", [labels, logits], lambda y, x: F.cross_entropy(x, y), wrt=[1])
add("smoothing", [labels, logits], lambda y, x: F.cross_entropy(x, y, label_smoothing=0.1), wrt=[1])
add("focal", [labels, logits], lambda y, x: focal(x, y, 3), wrt=[1])
add("confidence", [labels, logits], lambda y, x: confidence(x, y, 0.2), wrt=[1])
add("margin", [labels, logits], lambda y, x: margin(x, y, 0.1, 1), wrt=[1])
zs = normal(6, 5)
zs = torch.stack([zs.min(1).values, zs.max(1).values], 1)
add("rangemap", [logits, zs, normal(6, 5)], lambda x, zs, dy: range_map(x, zs), wrt=[0])
add("penalty", [logits, zs],
    lambda x, zs: 10 * (F.relu(x - zs[:, 1:]).mean() + F.relu(zs[:, :1] - x).mean()), wrt=[0])
add("distance", [normal(4, 6), normal(4, 6), normal(4)], lambda w, t, a: (a * (w - t).square().sum(1)).sum(), wrt=[0])
add("embedding", [torch.tensor([3, 0, 3, 1]), normal(4, 6), normal(4, 6)], lambda i, t, dy: F.embedding(i, t), wrt=[1])
images = normal(2, 3, 8, 8)
add("patches", [images], lambda x: F.unfold(x, 4, stride=4).transpose(1, 2).reshape(-1, 48))
for name, make in (
    ("sgd", lambda p: torch.optim.SGD([p], lr=0.1, momentum=0.9, weight_decay=0.01)),
    ("adamw", lambda p: torch.optim.AdamW([p], lr=0.01, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.1)),
):
    start, grad = normal(20), normal(20)
    p = torch.nn.Parameter(start.clone())
    optimizer = make(p)
    for _ in range(3):
        p.grad = grad.clone()
        optimizer.step()
    cases.append({"op": name, "in": [array(start), array(grad)], "out": [array(p)]})

x, w = normal(2, 5, 6, 6), normal(7, 5, 3, 3)
rows = lambda t: t.permute(0, 2, 3, 1).reshape(-1, t.shape[1])  # a row a pixel
columns = w.permute(0, 2, 3, 1).reshape(7, -1)
for stride in 1, 2:
    add(f"convolution{stride}", [rows(x), columns, normal(7)], lambda _, __, b: rows(F.relu(F.conv2d(x, w, b, stride, 1))))
add("avgpool", [rows(x)], lambda _: rows(F.avg_pool2d(x, 2)))
q, kv = normal(2, 8), normal(2, 5, 16)


def pool(q, kv):
    split = lambda t: t.unflatten(-1, (2, 4)).transpose(-2, -3)
    k, v = kv.chunk(2, -1)
    return F.scaled_dot_product_attention(split(q[:, None]), split(k), split(v)).transpose(1, 2).reshape(2, 8)


add("pool", [q, kv.reshape(10, 16)], lambda q, kv: pool(q, kv.reshape(2, 5, 16)))

json.dump(cases, sys.stdout, separators=(",", ":"))
print()

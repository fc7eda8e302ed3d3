"""Writes float32.json: class-wise ECE and ACE by the reference's formulas in
float32 and in float64, where the two differ: at probabilities that float32 has as
0, and at edges of bins.

    python make_float32.py > float32.json

Made with torch 2.15.0.
"""

import json
import math

import torch


def classwise(logits, labels, bins=15):
    edges = torch.linspace(0, 1, bins + 1).tolist()
    p = logits.softmax(1)
    total = 0.0
    for k in range(int(labels.max()) + 1):
        for lo, hi in zip(edges[:-1], edges[1:]):
            inside = (p[:, k] > lo) & (p[:, k] <= hi)
            if inside.any():
                gap = (labels[inside] == k).to(p.dtype).mean() - p[inside, k].mean()
                total += float(gap.abs() * inside.to(p.dtype).mean())
    return total / (int(labels.max()) + 1)


def ace(logits, labels, bins=10):
    confidence, predicted = logits.softmax(1).max(1)
    held = {}
    for c, k, y in zip(confidence, predicted, labels):
        held.setdefault(math.ceil(bins * c - 1), []).append((float(c), float(k == y)))
    gaps = [abs(sum(c for c, _ in v) - sum(r for _, r in v)) / len(v) for v in held.values()]
    return sum(gaps) / len(gaps)


nine = math.log(0.9 / 0.1)
cases = {
    "classwise, underflow": (classwise, [[0.0, -120.0], [0.0, -1.0], [3.0, 0.0]], [1, 0, 1]),
    "ace, edge at 0.9": (ace, [[nine, 0.0], [2.0, 0.0], [math.log(0.65 / 0.35), 0.0]], [1, 0, 0]),
}
out = {}
for name, (metric, rows, labels) in cases.items():
    single, y = torch.tensor(rows, dtype=torch.float32), torch.tensor(labels)
    out[name] = {"logits": single.double().tolist(), "labels": labels, "float32": metric(single, y),
                 "float64": metric(single.double(), y)}
print(json.dumps(out, indent=1))

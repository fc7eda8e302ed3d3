#!/usr/bin/env python3
"""Writes fewshot_golden.json: few-shot picks by Dassl's procedure (a
re-statement of it: one random.seed, classes in order of first occurrence,
random.sample within each) on two small made-up sets.

Run: python3 fewshot_golden.py > fewshot_golden.json   (written with CPython 3.11)
"""
import collections
import json
import random


def sets():
    grouped = [(f"c{c}/{i:03d}", c) for c in range(5) for i in range(30 + 7 * c)]
    rng = random.Random(99)
    mixed = list(grouped)
    rng.shuffle(mixed)
    return {"grouped": grouped, "mixed": mixed}


def few_shot(items, shots):
    tracker = collections.defaultdict(list)
    for it in items:
        tracker[it[1]].append(it)
    picked = []
    for group in tracker.values():
        picked.extend(random.sample(group, shots))
    return [p for p, _ in picked]


out = {"sets": {}, "cases": []}
for name, items in sets().items():
    out["sets"][name] = [p for p, _ in items]
    for seed in (1, 2, 3):
        for shots in (1, 4, 16):
            random.seed(seed)
            train = few_shot(items, shots)
            val = few_shot(items, min(shots, 4))
            out["cases"].append({"set": name, "seed": seed, "shots": shots, "train": train, "val": val})
print(json.dumps(out, separators=(",", ":")))

#!/usr/bin/env python3
"""Writes fewshot_golden.json: few-shot picks by Dassl's procedure (a
re-statement of it: one random.seed, classes in order of first occurrence,
random.sample within each; a class with fewer gives all it has, or random.choices
where drawn with repetition; less than one shot takes everything) on small made-up
sets.

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
    few = [(f"c{c}/{i:03d}", c) for c in range(5) for i in range(2 + 5 * c)]
    rng.shuffle(few)
    return {"grouped": grouped, "mixed": mixed, "few": few}


def few_shot(items, shots, repeat):
    if shots < 1:
        return [p for p, _ in items]
    tracker = collections.defaultdict(list)
    for it in items:
        tracker[it[1]].append(it)
    picked = []
    for group in tracker.values():
        if len(group) >= shots:
            picked.extend(random.sample(group, shots))
        elif repeat:
            picked.extend(random.choices(group, k=shots))
        else:
            picked.extend(group)
    return [p for p, _ in picked]


out = {"sets": {}, "cases": []}
for name, items in sets().items():
    out["sets"][name] = [p for p, _ in items]
    for seed in (1, 2, 3):
        for shots, repeat in [(1, False), (4, False), (16, False)] + [(0, False), (16, True)] * (name == "few"):
            random.seed(seed)
            train = few_shot(items, shots, repeat)
            val = few_shot(items, min(shots, 4), repeat)
            out["cases"].append({"set": name, "seed": seed, "shots": shots, "repeat": repeat, "train": train, "val": val})
print(json.dumps(out, separators=(",", ":")))

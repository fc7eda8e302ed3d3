#!/usr/bin/env python3
"""Writes golden.json: outputs of Python's random module for several seeds.

Run: python3 golden.py > golden.json   (written with CPython 3.11)
"""
import json
import random
import sys

cases = []
for seed in (0, 1, 2, 3, 42, -7, 2**31, 2**32 + 5, 2**63 - 1):
    r = random.Random(seed)
    case = {"seed": seed}
    case["raw"] = [r.getrandbits(32) for _ in range(700)][-5:]
    case["random"] = [r.random() for _ in range(4)]
    case["uniform"] = [r.uniform(-2.5, 4.0) for _ in range(3)]
    case["bits"] = [[k, str(r.getrandbits(k))] for k in (1, 5, 31, 32, 33, 48, 64)]
    case["below"] = [[n, r.randrange(n)] for n in (1, 2, 3, 10, 1000, 65536, 1 << 40)]
    seq = list(range(20))
    r.shuffle(seq)
    case["shuffle"] = seq
    case["choice"] = [r.choice(range(37)) for _ in range(5)]
    case["sample"] = []
    for n, k in ((10, 0), (10, 10), (21, 5), (22, 5), (85, 16), (86, 16), (1300, 16), (1300, 4), (277, 64), (278, 64)):
        case["sample"].append([n, k, r.sample(range(n), k)])
    cases.append(case)
first = random.Random(1).sample(range(1300), 16)
json.dump({"python": sys.version.split()[0], "first": first, "cases": cases}, sys.stdout)

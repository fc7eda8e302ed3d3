"""Writes dac_golden.json: factors of distance-aware calibration, as its released
code computes them (numpy). Made with numpy 2.

    python make_dac.py
"""

import json
import os

import numpy as np


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def factors(zs_base, zs_new, tuned_base, tuned_new, k):
    out = []
    for z, t in zip(zs_new, tuned_new):
        dz = np.sort(np.linalg.norm(zs_base - z, axis=1))[:k]
        dt = np.sort(np.linalg.norm(tuned_base - t, axis=1))[:k]
        out.append(1.0 if dt[0] < 0.05 else np.exp(-dt.sum() / k) / np.exp(-dz.sum() / k))
    return out


def main():
    r = np.random.default_rng(1)
    zs_base, zs_new = r.normal(size=(7, 6)), r.normal(size=(5, 6))
    zs_new[1] = zs_base[3]
    tuned_base, tuned_new = zs_base + 0.3 * r.normal(size=(7, 6)), zs_new + 0.3 * r.normal(size=(5, 6))
    tuned_new[1] = 2 * tuned_base[3] + 0.01
    features = zs_base, zs_new, tuned_base, tuned_new
    golden = {"zero_shot_base": zs_base, "zero_shot_new": zs_new, "tuned_base": tuned_base, "tuned_new": tuned_new,
              "factors_3": factors(*map(unit, features), 3), "factors_5": factors(*map(unit, features), 5)}
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "dac_golden.json"), "w") as f:
        json.dump({k: np.asarray(v).tolist() for k, v in golden.items()}, f, indent=1)
        f.write("\n")


main()

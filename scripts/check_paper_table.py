#!/usr/bin/env python3
"""Recompute the paper's tables from saved random logits, independently (NumPy).

    scripts/check_paper_table.py [--clipcalib bin/clipcalib]   all tables
    scripts/check_paper_table.py --write DIR                   the golden of a test

Random logits of every row and set go through `clipcalib table NAME --logits`;
accuracy, ECE at 10, 15 and 20 bins, SaLS and the averages are computed here
again, by the formulas, and must be equal to 1e-12 (in fractions).
Written with Python 3 and NumPy 2.
"""
import argparse
import csv
import json
import pathlib
import subprocess
import tempfile

import numpy as np

SHIFTS = {"ImageNetV2": 40, "ImageNetSketch": 40, "ImageNetA": 12, "ImageNetR": 12}
ELEVEN = {"ImageNet": 40, "Caltech101": 10, "OxfordPets": 7, "StanfordCars": 12, "OxfordFlowers": 9, "Food101": 8,
          "FGVCAircraft": 10, "SUN397": 15, "DescribableTextures": 6, "EuroSAT": 4, "UCF101": 11}
METHODS = {
    ("adapters", "RN50"): ["clip-adapter", "tip-adapter-f", "taskres"],
    ("adapters", "ViT-B/16"): ["clip-adapter", "tip-adapter-f", "taskres"],
    ("prompts", "RN50"): ["coop", "cocoop", "prograd"],
    ("prompts", "ViT-B/16"): ["coop", "cocoop", "maple"],
    ("tta", "RN50"): ["tpt", "c-tpt"],
    ("tta", "ViT-B/16"): ["tpt", "c-tpt"],
}
LABELS = {"zero-shot": None, "clip-adapter": "CLIP-Ad", "tip-adapter-f": "TIP-Ad(f)", "taskres": "TaskRes",
          "coop": "CoOp", "cocoop": "CoCoOp", "prograd": "ProGrad", "maple": "MaPLe", "tpt": "TPT", "c-tpt": "C-TPT"}
REMEDIES = {"none": "", "zs-norm": " + ZS-Norm", "penalty": " + Penalty", "sals": " + SaLS"}
BINS = (10, 15, 20)


def softmax(x):
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def figures(logits, labels):
    """Accuracy and ECE at every number of bins; bins are (low, high]."""
    p = softmax(logits.astype(np.float64))
    confidence, right = p.max(1), (logits.argmax(1) == labels).astype(np.float64)
    out = [right.mean()]
    for bins in BINS:
        edges = np.arange(bins + 1) / bins
        error = 0.0
        for low, high in zip(edges[:-1], edges[1:]):
            inside = (confidence > low) & (confidence <= high)
            if inside.any():
                error += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
        out.append(error)
    return np.array(out)


def sals(logits, zero_shot):
    """Each sample's logits scaled to the range of its zero-shot ones."""
    l, z = logits.astype(np.float64), zero_shot.astype(np.float64)
    low, high = l.min(1, keepdims=True), l.max(1, keepdims=True)
    zl, zh = z.min(1, keepdims=True), z.max(1, keepdims=True)
    return (zh - zl) / (high - low) * (l - low) + zl


def make(tables, samples, seed):
    """Random logits of every row without SaLS, and the figures of all rows."""
    rng = np.random.default_rng(seed)
    arrays, index, want = {}, [], {}
    for (table, model), methods in METHODS.items():
        if table not in tables:
            continue
        for s, classes in (ELEVEN if table == "tta" else SHIFTS).items():
            labels = rng.integers(0, classes, samples)
            key = f"{table}_{model}_{s}".replace("/", "").replace("-", "")
            arrays[key + "_labels"] = labels
            truth = np.eye(classes)[labels]
            zero = (rng.normal(size=(samples, classes)) * 2 + 3 * truth).astype(np.float32)
            arrays[key + "_zero"] = zero

            def add(method, remedy, name, row):
                index.append([model, method, remedy, s, "" if method == "zero-shot" else "1", f"logits.npz#{name}",
                              f"logits.npz#{key}_labels", f"logits.npz#{key}_zero" if method != "zero-shot" else ""])
                want.setdefault(f"{table}|{model}|{row}", {})[s] = figures(arrays[name], labels)

            row = "Zero-shot" if table == "tta" else "Zero-Shot"
            add("zero-shot", "none", key + "_zero", row)
            for method in methods:
                for remedy in ("none", "zs-norm", "penalty"):
                    name = f"{key}_{method}_{remedy}".replace("-", "")
                    spread = rng.uniform(1, 4)
                    arrays[name] = (zero + spread * rng.normal(size=zero.shape) + 2 * spread * truth).astype(np.float32)
                    add(method, remedy, name, LABELS[method] + REMEDIES[remedy])
                    if remedy == "none":
                        scaled = sals(arrays[name], zero)
                        row = LABELS[method] + REMEDIES["sals"]
                        want.setdefault(f"{table}|{model}|{row}", {})[s] = figures(scaled, labels)
    return arrays, index, want


def write(folder, tables, samples, seed):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    arrays, index, want = make(tables, samples, seed)
    np.savez(folder / "logits.npz", **arrays)
    with open(folder / "index.csv", "w", newline="") as f:
        w = csv.writer(f, lineterminator="\n")
        w.writerow(["model", "method", "remedy", "set", "seed", "logits", "labels", "zero_shot"])
        w.writerows(index)
    return want


def compare(table, sheet, want):
    """Largest difference, and how many figures were compared."""
    worst, n = 0.0, 0
    for block in sheet["blocks"]:
        for line in block["rows"]:
            expected = want[f"{table}|{block['model']}|{line['row']}"]
            entries = [(e, expected[e["set"]]) for e in line["sets"]]
            entries.append((line["average"], np.mean([expected[e["set"]] for e in line["sets"]], axis=0)))
            for entry, values in entries:
                got = [entry["accuracy"]["mean"]] + [entry["ece"][str(b)]["mean"] for b in BINS]
                worst = max(worst, float(np.abs(np.array(got) / 100 - values).max()))
                n += len(got)
    return worst, n


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--clipcalib", default="bin/clipcalib")
    p.add_argument("--samples", type=int, default=400)
    p.add_argument("--write", metavar="DIR")
    a = p.parse_args()
    if a.write:
        want = write(a.write, ("adapters",), 30, 7)
        rows = {key: {s: [float(v) for v in f] for s, f in sets.items()} for key, sets in want.items()}
        pathlib.Path(a.write, "want.json").write_text(json.dumps(rows, indent=1) + "\n")
        return
    failed = False
    for table in ("adapters", "prompts", "tta"):
        with tempfile.TemporaryDirectory() as folder:
            want = write(folder, (table,), a.samples, 11)
            out = subprocess.run([a.clipcalib, "table", table, "--logits", folder, "--json"], check=True,
                                 stdout=subprocess.PIPE).stdout
            worst, n = compare(table, json.loads(out), want)
            failed |= worst > 1e-12 or n == 0
            print(f"{table}: {n} figures, largest difference {worst:.2g}")
    raise SystemExit(failed)


if __name__ == "__main__":
    main()

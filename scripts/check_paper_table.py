#!/usr/bin/env python3
"""Recompute the paper's tables from saved random logits, independently (NumPy).

    scripts/check_paper_table.py [--clipcalib bin/clipcalib]   all tables
    scripts/check_paper_table.py --write DIR                   the golden of a test

Random logits of every row and set, and of a fold of each, go through `clipcalib
table NAME --logits --sets ... --post-hoc temperature`; accuracy, ECE at 10, 15 and
20 bins, SaLS, the averages, and coverage, size and class gap of conformal sets by
LAC, APS, RAPS and Conf-OT are computed here again, by the formulas, and must be
equal to 1e-12 (in fractions); those under a temperature, which is searched for
here, to 1e-6.
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
SETS = ("lac", "aps", "raps", "conf-ot")
COVERAGE = 0.8


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


def transported(logits, labels):
    """Probabilities of fold and target together, scaled to the classes' frequencies in the fold (Conf-OT)."""
    q = np.exp(logits - logits.max())
    want = np.bincount(labels, minlength=logits.shape[1]) / len(labels)
    for _ in range(3):
        q *= want / q.sum(0)
        q /= q.sum(1, keepdims=True)
    return q


def scores(kind, p):
    """The score of every class of every sample."""
    if kind in ("lac", "conf-ot"):
        return 1 - p
    order = np.argsort(-p, axis=1, kind="stable")
    mass = np.cumsum(np.take_along_axis(p, order, 1), 1)
    if kind == "raps":
        mass += 0.001 * np.maximum(0, np.arange(1, p.shape[1] + 1) - 1)
    out = np.empty_like(p)
    np.put_along_axis(out, order, mass, 1)
    return out


def sets(kind, fold, fold_labels, logits, labels):
    """Coverage, mean size and class-conditional coverage gap of split conformal sets."""
    both = np.concatenate([fold, logits]).astype(np.float64)
    p = transported(both, fold_labels) if kind == "conf-ot" else softmax(both)
    s, n = scores(kind, p), len(fold)
    own = np.sort(s[np.arange(n), fold_labels])
    inside = s[n:] <= own[int(np.ceil((n + 1) * COVERAGE - 1e-9)) - 1]
    held = inside[np.arange(len(labels)), labels]
    gap = np.mean([abs(held[labels == k].mean() - COVERAGE) for k in np.unique(labels)])
    return np.array([held.mean(), inside.sum(1).mean(), gap])


def temperature(logits, labels):
    """The temperature of the least NLL, by golden sections of its logarithm."""
    z = logits.astype(np.float64)

    def nll(t):
        x = z / np.exp(t)
        x -= x.max(1, keepdims=True)
        return (np.log(np.exp(x).sum(1)) - x[np.arange(len(labels)), labels]).mean()

    low, high, g = np.log(0.05), np.log(50.0), (np.sqrt(5) - 1) / 2
    while high - low > 1e-9:
        a, b = high - g * (high - low), low + g * (high - low)
        low, high = (low, b) if nll(a) < nll(b) else (a, high)
    return np.exp((low + high) / 2)


def sals(logits, zero_shot):
    """Each sample's logits scaled to the range of its zero-shot ones."""
    l, z = logits.astype(np.float64), zero_shot.astype(np.float64)
    low, high = l.min(1, keepdims=True), l.max(1, keepdims=True)
    zl, zh = z.min(1, keepdims=True), z.max(1, keepdims=True)
    return (zh - zl) / (high - low) * (l - low) + zl


def make(tables, samples, seed, fold):
    """Random logits of every row without SaLS and of its fold, and the figures of all rows."""
    rng = np.random.default_rng(seed)
    other = np.random.default_rng(seed + 1)  # of the folds
    arrays, index, want = {}, [], {}
    for (table, model), methods in METHODS.items():
        if table not in tables:
            continue
        for s, classes in (ELEVEN if table == "tta" else SHIFTS).items():
            labels = rng.integers(0, classes, samples)
            fold_labels = other.permutation(np.arange(fold) % classes)
            key = f"{table}_{model}_{s}".replace("/", "").replace("-", "")
            arrays[key + "_labels"], arrays[key + "_foldlabels"] = labels, fold_labels
            truth, fold_truth = np.eye(classes)[labels], np.eye(classes)[fold_labels]
            zero = (rng.normal(size=(samples, classes)) * 2 + 3 * truth).astype(np.float32)
            fold_zero = (other.normal(size=fold_truth.shape) * 2 + 3 * fold_truth).astype(np.float32)
            arrays[key + "_zero"], arrays[key + "_zero_fold"] = zero, fold_zero

            def row(name, logits, on):
                """The figures of a row, and of that under a temperature."""
                of = want.setdefault(f"{table}|{model}|{name}", {})
                of[s] = np.concatenate([figures(logits, labels)] +
                                       [sets(kind, on, fold_labels, logits, labels) for kind in SETS])
                t = temperature(on, fold_labels)
                want.setdefault(f"{table}|{model}|{name} + temperature", {})[s] = figures(
                    logits.astype(np.float64) / t, labels)

            def add(method, remedy, name, label):
                spec = "logits.npz#"
                shot = method == "zero-shot"
                index.append([model, method, remedy, s, "" if shot else "1", spec + name, spec + key + "_labels",
                              "" if shot else spec + key + "_zero", spec + name + "_fold", spec + key + "_foldlabels",
                              "" if shot else spec + key + "_zero_fold"])
                row(label, arrays[name], arrays[name + "_fold"])

            add("zero-shot", "none", key + "_zero", "Zero-shot" if table == "tta" else "Zero-Shot")
            for method in methods:
                for remedy in ("none", "zs-norm", "penalty"):
                    name = f"{key}_{method}_{remedy}".replace("-", "")
                    spread = rng.uniform(1, 4)
                    arrays[name] = (zero + spread * rng.normal(size=zero.shape) + 2 * spread * truth).astype(np.float32)
                    arrays[name + "_fold"] = (fold_zero + spread * other.normal(size=fold_zero.shape) +
                                              2 * spread * fold_truth).astype(np.float32)
                    add(method, remedy, name, LABELS[method] + REMEDIES[remedy])
                    if remedy == "none":
                        row(LABELS[method] + REMEDIES["sals"], sals(arrays[name], zero),
                            sals(arrays[name + "_fold"], fold_zero))
    return arrays, index, want


def write(folder, tables, samples, seed, fold):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    arrays, index, want = make(tables, samples, seed, fold)
    np.savez(folder / "logits.npz", **arrays)
    with open(folder / "index.csv", "w", newline="") as f:
        w = csv.writer(f, lineterminator="\n")
        w.writerow(["model", "method", "remedy", "set", "seed", "logits", "labels", "zero_shot", "fit_logits", "fit_labels",
                    "fit_zero_shot"])
        w.writerows(index)
    return want


def compare(table, sheet, want):
    """Largest differences without and with a temperature, and how many figures were compared."""
    worst, n = [0.0, 0.0], 0
    for block in sheet["blocks"]:
        for line in block["rows"]:
            expected = want[f"{table}|{block['model']}|{line['row']}"]
            warm = line["row"].endswith("temperature")
            entries = [(e, expected[e["set"]]) for e in line["sets"]]
            entries.append((line["average"], np.mean([expected[e["set"]] for e in line["sets"]], axis=0)))
            for entry, values in entries:
                got = [entry["accuracy"]["mean"] / 100] + [entry["ece"][str(b)]["mean"] / 100 for b in BINS]
                assert warm != ("sets" in entry), f"{line['row']}: sets of what was fitted on the fold, or none"
                for kind in () if warm else SETS:
                    s = entry["sets"][kind]
                    got += [s["coverage"]["mean"] / 100, s["size"]["mean"], s["class_gap"]["mean"] / 100]
                worst[warm] = max(worst[warm], float(np.abs(np.array(got) - values).max()))
                n += len(got)
    return worst, n


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--clipcalib", default="bin/clipcalib")
    p.add_argument("--samples", type=int, default=400)
    p.add_argument("--write", metavar="DIR")
    a = p.parse_args()
    if a.write:
        want = write(a.write, ("adapters",), 30, 7, 40)
        rows = {key: {s: [float(v) for v in f] for s, f in sets.items()} for key, sets in want.items()}
        pathlib.Path(a.write, "want.json").write_text(json.dumps(rows, indent=1) + "\n")
        return
    failed = False
    for table in ("adapters", "prompts", "tta"):
        with tempfile.TemporaryDirectory() as folder:
            want = write(folder, (table,), a.samples, 11, 200)
            out = subprocess.run([a.clipcalib, "table", table, "--logits", folder, "--sets", ",".join(SETS), "--coverage",
                                  str(COVERAGE), "--post-hoc", "temperature", "--json"], check=True,
                                 stdout=subprocess.PIPE).stdout
            worst, n = compare(table, json.loads(out), want)
            failed |= worst[0] > 1e-12 or worst[1] > 1e-6 or n == 0
            print(f"{table}: {n} figures, largest difference {worst[0]:.2g}, under a temperature {worst[1]:.2g}")
    raise SystemExit(failed)


if __name__ == "__main__":
    main()

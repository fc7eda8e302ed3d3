#!/usr/bin/env python3
"""Recomputes the tables of `clipcalib report` from logits.npy, labels.npy and rows.csv alone.

    clipcalib report RUNS --format csv --sets lac,aps,raps,conf-ot --coverage 0.9 > table.csv
    clipcalib report RUNS --format latex > table.tex
    python scripts/check_table.py RUNS table.csv table.tex

Accuracy, ECE (bins of equal width, whole set) and mean logit range of every run and target, as mean and sample
standard deviation over the seeds of a recipe, must be the CSV's to 1e-9 and the LaTeX table's to its last digit; so
must coverage, size and class gap of the conformal sets (of 90 % here), calibrated on the run's own logits of its one
validation fold (SOURCE#val), which the CSV has. No stored metric is read. Runs belong together where their recipe.yaml agrees in all that decides them but the seed.
Works with pandas 2 or later, NumPy and PyYAML. Runs on other pictures of the same name are out of its scope.
"""
import json
import pathlib
import re
import sys

import numpy as np
import pandas as pd
import yaml

BINS = 10
MAIN = ("accuracy", "ece", "logit_range")
COVERAGE = 0.9
KINDS = {"lac": "", "aps": "aps_", "raps": "raps_", "conf-ot": "conf_ot_"}
NAMES = {"zslp": "ZS-LP", "taskres": "TaskRes", "clip-adapter": "CLIP-Adapter", "tip-adapter": "Tip-Adapter",
         "tip-adapter-f": "Tip-Adapter-F", "clap": "CLAP"}
REMEDIES = {"zs-norm": "ZS-Norm", "penalty": "Penalty", "sals": "SaLS"}


def metrics(logits, labels):
    """Accuracy, ECE and mean range of logits [N, K]; softmax in float64, bins (lower, upper]."""
    z = logits.astype(np.float64)
    p = np.exp(z - z.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    confidence, right = p.max(1), p.argmax(1) == labels
    at = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    ece = sum(abs(right[at == b].mean() - confidence[at == b].mean()) * (at == b).mean()
              for b in range(BINS) if (at == b).any())
    return {"accuracy": right.mean(), "ece": ece, "logit_range": (z.max(1) - z.min(1)).mean()}


def transported(logits, labels):
    """Probabilities of fold and target together, scaled to the classes' frequencies in the fold (Conf-OT)."""
    q = np.exp(logits - logits.max())
    want = np.bincount(labels, minlength=logits.shape[1]) / len(labels)
    for _ in range(3):
        q *= want / q.sum(0)
        q /= q.sum(1, keepdims=True)
    return q


def set_figures(kind, fold, fold_labels, logits, labels):
    """Coverage, mean size and class gap of split conformal sets; none by Conf-OT where a class has no sample."""
    both = np.concatenate([fold, logits]).astype(np.float64)
    if kind == "conf-ot":
        if len(np.unique(fold_labels)) < both.shape[1]:
            return {}
        p = transported(both, fold_labels)
    else:
        p = np.exp(both - both.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
    scores = 1 - p
    if kind in ("aps", "raps"):
        order = np.argsort(-p, axis=1, kind="stable")
        mass = np.cumsum(np.take_along_axis(p, order, 1), 1)
        if kind == "raps":
            mass += 0.001 * np.arange(p.shape[1])
        np.put_along_axis(scores, order, mass, 1)
    n = len(fold)
    own = np.sort(scores[np.arange(n), fold_labels])
    inside = scores[n:] <= own[int(np.ceil((n + 1) * COVERAGE - 1e-9)) - 1]
    held = inside[np.arange(len(labels)), labels]
    gap = np.mean([abs(held[labels == k].mean() - COVERAGE) for k in np.unique(labels)])
    name = "conformal_" + KINDS[kind]
    return {name + "coverage": held.mean(), name + "set_size": inside.sum(1).mean(), name + "class_gap": gap}


def sets(folder, logits, labels):
    """Those of a target, by the validation fold of its run."""
    folds = [f for f in folder.parent.iterdir() if yaml.safe_load((f / "target.yaml").read_text())["inputs"].get(
        "data", "").endswith("#val")]
    if len(folds) != 1 or folds[0] == folder:
        return {}
    fold, fold_labels = np.load(folds[0] / "logits.npy"), np.load(folds[0] / "labels.npy")
    out = {}
    for kind in KINDS:
        out.update(set_figures(kind, fold, fold_labels, logits, labels))
    return out


def read(root):
    """One line a run and target."""
    lines = []
    for recipe_file in sorted(pathlib.Path(root).glob("**/recipe.yaml")):
        recipe = yaml.safe_load(recipe_file.read_text())
        inputs = recipe["inputs"]
        for folder in sorted((recipe_file.parent / "targets").iterdir()):
            logits, labels = np.load(folder / "logits.npy"), np.load(folder / "labels.npy")
            rows = pd.read_csv(folder / "rows.csv")
            assert (rows["row"].to_numpy() == np.arange(len(labels))).all(), folder
            assert (rows["label"].to_numpy() == labels).all(), f"{folder}: rows.csv and labels.npy differ"
            assert rows["file"].is_unique and len(rows) == len(logits), folder
            lines.append({
                "method": recipe["method"], "remedy": recipe["remedy"], "shots": inputs["shots"],
                "lr": recipe["learning_rate"], "loss": recipe["loss"], "epochs": recipe["epochs"],
                "settings": json.dumps({f"{part}.{name}": value for part in ("method_settings", "remedy_settings")
                                        for name, value in (recipe.get(part) or {}).items()}),
                "seed": recipe["seed"], "target": folder.name, **metrics(logits, labels),
                **sets(folder, logits, labels)})
    return pd.DataFrame(lines)


def check_csv(mean, std, count, path):
    """Every value of ours must be in the tidy CSV, in a row of its own."""
    table = pd.read_csv(path, keep_default_na=False)
    asked = [m for m in mean.columns if m in MAIN or (table["metric"] == m).any()]
    table = table[(table["method"] != "zero-shot") & table["metric"].isin(asked)]
    shown = [k for k in ("shots", "lr", "loss", "epochs") if k in table.columns]
    settings = [c for c in table.columns if "_settings." in c]
    used, worst = set(), 0.0
    for key, values in mean.iterrows():
        key = dict(zip(mean.index.names, key))
        for metric in asked:
            if np.isnan(values[metric]):  # of the fold itself
                continue
            hit = table[(table["metric"] == metric)]
            for name in ["method", "remedy", "target", *shown]:
                hit = hit[hit[name].astype(type(key[name])) == key[name]]
            for name in settings:
                hit = hit[hit[name] == str(json.loads(key["settings"]).get(name, ""))]
            assert len(hit) == 1, f"{key} {metric}: {len(hit)} rows of the table"
            row = hit.iloc[0]
            assert hit.index[0] not in used
            used.add(hit.index[0])
            assert int(row["n"]) == count[tuple(key.values())], f"{key}: n is {row['n']}"
            worst = max(worst, abs(float(row["mean"]) - values[metric]),
                        abs(float(row["std"]) - std.loc[tuple(key.values()), metric]))
    assert len(used) == len(table), f"{len(table) - len(used)} rows of the table are of no run"
    assert worst < 1e-9, f"largest difference {worst}"
    print(f"CSV: {len(used)} values of {len(asked)} metrics with their spreads agree, largest difference {worst:.1e}")


def text(mean, std, n, factor, digits=1):
    """A cell as the table writes it."""
    out = f"{factor * mean:.{digits}f}"
    return out + (f" ± {factor * std:.{digits}f}" if n > 1 else "")


def check_latex(mean, std, count, path):
    """Every row of ours must be a row of the LaTeX table, cells in its order."""
    source = pathlib.Path(path).read_text()
    source = re.sub(r"\$?\\pm\$?", "±", source).replace("--", "–").replace(r"\,", " ")
    rows = [[" ".join(c.split()) for c in line.rsplit(r"\\", 1)[0].split("&")] for line in source.splitlines()
            if "&" in line]
    head = next(i for i, r in enumerate(rows) if any("acc" in c for c in r))
    flat = [re.sub(r"[${}~]|\\(?:textbf|quad|phantom|enspace)", " ", " & ".join(r)) for r in rows[head + 1:]]
    flat = [" ".join(f.split()) for f in flat]
    columns = rows[head]
    drift = [i - len(columns) for i, c in enumerate(columns) if c.startswith("drift average")]  # of several targets
    keep = [i for i in range(-len(columns), 0) if i not in drift]
    flat = [" & ".join(f.split(" & ")[i] for i in keep) for f in flat]
    columns = [columns[i] for i in keep]
    targets = list(dict.fromkeys(mean.index.get_level_values("target")))
    order = sorted(targets, key=lambda t: source.find(t))
    done = 0
    for key in dict.fromkeys(k[:-1] for k in mean.index):
        cells = []
        for t in order:
            k = (*key, t)
            if k not in mean.index:
                cells += ["–"] * 3
                continue
            for metric, factor in (("accuracy", 100), ("ece", 100), ("logit_range", 1)):
                cells.append(text(mean.loc[k, metric], std.loc[k, metric], count[k], factor))
        line = " & ".join(cells)
        name = REMEDIES.get(key[1], NAMES[key[0]])
        hits = [f for f in flat if f.endswith(line) and name in f]
        for at, column in ((2, "shots"), (3, "lr")):
            if column in columns:
                hits = [f for f in hits if f.split(" & ")[columns.index(column)] == f"{key[at]:g}"]
        assert hits, f"{key}: no LaTeX row ends in {line}"
        done += 1
    assert done == len([f for f in flat if not f.startswith("Zero-shot")]), f"{len(flat)} rows, {done} of ours"
    print(f"LaTeX: {done} rows agree to the last digit")


def main():
    runs = read(sys.argv[1])
    keys = ["method", "remedy", "shots", "lr", "loss", "epochs", "settings", "target"]
    groups = runs.groupby(keys, sort=False)[[c for c in runs.columns if c in MAIN or c.startswith("conformal_")]]
    mean, std, count = groups.mean(), groups.std(ddof=1).fillna(0.0), groups.size()
    print(f"{len(runs)} evaluations, {len(count)} cells of the table")
    check_csv(mean, std, count, sys.argv[2])
    if len(sys.argv) > 3:
        check_latex(mean, std, count, sys.argv[3])


if __name__ == "__main__":
    main()

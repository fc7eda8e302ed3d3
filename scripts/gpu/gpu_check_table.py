"""Prints what gpu_check_torch.py measured: medians over the rounds and ratios.

    gpu_check_table.py FIGURES.jsonl

A ratio of 2 means that clipcalib does twice as much in a second. "wanted" is the
least ratio, or share of the measured peak, that the project aims at.
"""

import json
import statistics
import sys

LARGE = ("ViT-B/16", "ViT-L/14")
PEAK = 0.55  # least share of the measured peak of products


STEPS = {"coop": 15.0, "tpt": 7.0, "maple": 0.8, "pretrain": 0.8}


def aimed(what, model, precision, batch):
    """Whether encoding in this form is what aims are set for."""
    return what == "encode" and model in LARGE and precision == "bf16" and batch == 256


def wanted(what, model, precision, batch, by):
    """The least ratio aimed at, or None."""
    if aimed(what, model, precision, batch):
        return {"torch eager": 1.3, "torch compile": 1.1}.get(by)
    return STEPS.get(what) if by == "torch eager" else None


def read(path):
    """Figures by (what, model, precision, batch), then by side."""
    rates, flops, peaks = {}, {}, {}
    with open(path, encoding="utf-8") as f:
        for v in map(json.loads, f):
            if "done" in v:
                continue
            key = (v["what"], v["model"], v["precision"], v["batch"])
            if v["what"] in ("peak", "bandwidth"):
                peaks.setdefault((v["what"], v["precision"]), []).append(v["rate"])
                continue
            rates.setdefault(key, {}).setdefault(v["by"], []).append(v["rate"])
            if v.get("gflop_s"):
                flops.setdefault(key, []).append(v["gflop_s"])
    return rates, flops, peaks


def main(path):
    rates, flops, peaks = read(path)
    if not rates:
        sys.exit(f"no figures in {path}")
    missed = 0
    print(f"{'':18} {'model':9} {'':5} {'batch':>5} {'clipcalib':>10} {'spread':>6} {'PyTorch':>10} {'spread':>6} {'ratio':>6} {'wanted':>6}  against")
    for key, sides in rates.items():
        what, model, precision, batch = key
        ours = sides.pop("clipcalib", None)
        if ours is None:
            continue
        mine = statistics.median(ours)
        for by, theirs in sides.items():
            other, least = statistics.median(theirs), wanted(what, model, precision, batch, by)
            ratio = mine / other
            verdict = "" if least is None else f"{least:6.1f}"
            if least is not None and ratio < least:
                missed += 1
                verdict += "!"
            print(f"{what:18} {model:9} {precision:5} {batch:5} {mine:10.4g} {max(ours) / min(ours):6.2f} {other:10.4g} {max(theirs) / min(theirs):6.2f} {ratio:6.2f} {verdict:7} {by}")
    print()
    print(f"{'clipcalib reaches':18} {'model':9} {'':5} {'batch':>5} {'TFLOP/s':>10} {'of peak':>8}")
    for key, values in flops.items():
        what, model, precision, batch = key
        peak = peaks.get(("peak", precision))
        if not peak:
            continue
        share = statistics.median(values) / 1e3 / max(peak)
        aim = aimed(what, model, precision, batch)
        missed += aim and share < PEAK
        print(f"{what:18} {model:9} {precision:5} {batch:5} {statistics.median(values) / 1e3:10.4g} {100 * share:7.1f}%{f'  wanted: {PEAK:.0%}' if aim else ''}{'!' if aim and share < PEAK else ''}")
    print()
    for (what, precision), values in sorted(peaks.items()):
        unit = "TFLOP/s of matrix products" if what == "peak" else "GB/s of memory"
        print(f"{precision:5} {max(values):8.4g} {unit}, measured")
    print(f"\n{missed} figures short of what is wanted (marked !)" if missed else "\neverything measured is as wanted")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])

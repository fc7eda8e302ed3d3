"""Compares the demo's metrics between devices and precisions, and names the
default precision that they allow.

    gpu_check_demo.py FOLDER BENCH.json

FOLDER holds demo folders named cpu, fp32, and other precisions, all but cpu
computed on the GPU; BENCH.json is what clipcalib bench --json measured of image
encoding in these precisions on the same card. Two demos agree if accuracy and
ECE, each the mean over all metrics.json, differ by at most 0.0005 (0.05 points).
The largest difference of a file is shown, too: one picture whose two best classes
are nearly equal already moves it by one in some hundreds. Ends with 1 if the GPU
in fp32 does not agree with the processor.
"""

import json
import pathlib
import sys

LIMIT = 0.0005
JUDGED = ("accuracy", "ece")
SHOWN = ("accuracy", "ece", "adaptive_ece", "classwise_ece", "mce", "ace")


def read(folder):
    return {str(p.relative_to(folder)): json.loads(p.read_text(encoding="utf-8")) for p in sorted(folder.rglob("metrics.json"))}


def agree(base, other, what):
    """Prints how far two demos' metrics differ; says whether they agree."""
    ok = base.keys() == other.keys()
    if not ok:
        print(f"{what}: not of the same runs: {len(base)} and {len(other)} files")
    for k in SHOWN:
        pairs = [(x[k] - other[n][k], n) for n, x in base.items() if n in other and isinstance(x.get(k), (int, float))]
        if not pairs:
            continue
        mean = abs(sum(d for d, _ in pairs)) / len(pairs)
        worst, name = max((abs(d), n) for d, n in pairs)
        beyond = k in JUDGED and not mean <= LIMIT
        ok = ok and not beyond
        print(f"{what:14} {k:14} mean differs by {mean:.6f}{' BEYOND' if beyond else ''}, at most {worst:.4f}  {name}")
    return ok


def speeds(path):
    """Images a second by precision, and the card."""
    result = json.loads(path.read_text(encoding="utf-8"))
    rates = {r["precision"]: max(f["rate"] for f in r["figures"] if f["what"].endswith("on the device")) for r in result["runs"]}
    return rates, result.get("card") or {}


def main(folder, bench):
    demos = {p.name: read(p) for p in sorted(pathlib.Path(folder).iterdir()) if p.is_dir()}
    if not demos.get("cpu") or not demos.get("fp32"):
        sys.exit(f"{folder} needs the finished demos cpu and fp32")
    rates, card = speeds(pathlib.Path(bench))
    sound = agree(demos["cpu"], demos["fp32"], "cpu - fp32")
    allowed = [p for p in demos if p != "cpu" and p in rates and (p == "fp32" or agree(demos["fp32"], demos[p], f"fp32 - {p}"))]
    for p in sorted(rates, key=rates.get):
        print(f"{p:5} {rates[p]:10.1f} images/s{'' if p in allowed else ', does not agree with fp32'}")
    best = max(allowed, key=rates.get)
    print(f'default precision: {best}; the line for internal/device/precision.go:\n\t{card.get("compute_capability", 0)}: "{best}", // {card.get("name", "no card")}')
    sys.exit(0 if sound else 1)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])

"""Compares the metrics of two demo folders, of gpu_check.sh's runs on the
processor and on the GPU: every metrics.json under both. Ends with 1 if the
mean accuracy or ECE over all files differ by more than 0.0005 (0.05 points), or
a file is missing. The largest difference of a file is shown: one picture whose
two best classes are nearly equal already moves it by one in some hundreds."""

import json
import pathlib
import sys

LIMIT = 0.0005
JUDGED = ("accuracy", "ece")
FRACTIONS = ("accuracy", "ece", "adaptive_ece", "classwise_ece", "mce", "ace")


def main(a, b):
    a, b = pathlib.Path(a), pathlib.Path(b)
    names = sorted(p.relative_to(a) for p in a.rglob("metrics.json"))
    if not names:
        sys.exit(f"no metrics.json under {a}")
    worst = {k: (0.0, "") for k in FRACTIONS}
    total = dict.fromkeys(FRACTIONS, 0.0)
    missing = 0
    for name in names:
        if not (b / name).exists():
            print(f"missing: {b / name}")
            missing += 1
            continue
        x, y = (json.loads((d / name).read_text(encoding="utf-8")) for d in (a, b))
        for k in FRACTIONS:
            if isinstance(x.get(k), (int, float)) and isinstance(y.get(k), (int, float)):
                total[k] += (x[k] - y[k]) / len(names)
                worst[k] = max(worst[k], (abs(x[k] - y[k]), str(name)))
    for k, (difference, name) in worst.items():
        print(f"{k:14} mean differs by {abs(total[k]):.6f}, at most {difference:.6f}  {name}")
    if missing or max(abs(total[k]) for k in JUDGED) > LIMIT:
        sys.exit(f"beyond {LIMIT}, or {missing} files missing")


if __name__ == "__main__":
    main(*sys.argv[1:3])

"""Says which kernels take the time, from what Nsight Compute wrote.

    ncu --csv --metrics gpu__time_duration.sum PROGRAM... >FILE
    gpu_check_profile.py FILE...

Prints every kernel with its launches, its time in all, and its share.
"""

import csv
import sys

UNITS = {"ns": 1e-3, "nsecond": 1e-3, "us": 1.0, "usecond": 1.0, "ms": 1e3, "msecond": 1e3, "s": 1e6, "second": 1e6}


def read(path):
    """Microseconds of every launch by kernel."""
    times = {}
    with open(path, encoding="utf-8", errors="replace") as f:
        lines = [line for line in f if line.startswith('"')]
    for row in csv.DictReader(lines):
        if row.get("Metric Name") == "gpu__time_duration.sum":
            us = float(row["Metric Value"].replace(",", "")) * UNITS[row["Metric Unit"]]
            times.setdefault(row["Kernel Name"].split("(")[0], []).append(us)
    return times


def main(paths):
    for path in paths:
        times = read(path)
        if not times:
            sys.exit(f"{path} has no kernels: did ncu run?")
        whole = sum(map(sum, times.values()))
        print(f"{path}: {sum(map(len, times.values()))} launches, {whole / 1e3:.2f} ms")
        print(f"{'kernel':60} {'launches':>8} {'us':>10} {'us each':>9} {'share':>6}")
        for name, t in sorted(times.items(), key=lambda item: -sum(item[1])):
            print(f"{name[:60]:60} {len(t):8} {sum(t):10.1f} {sum(t) / len(t):9.2f} {100 * sum(t) / whole:5.1f}%")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1:])

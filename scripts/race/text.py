"""What the races over the text tower share: ImageNet's names, the clock, the Go
benchmark of our side, and the options and the table of the command line. Run by
coop.py and tpt.py."""

import argparse
import os
import re
import statistics
import subprocess
import sys
import time

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # so that waiting takes no processor time
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PIECE = 50  # classes that PyTorch is timed on at once
TEXT = dict(width=512, heads=8, layers=12)  # the text tower of ViT-B/16


def names():
    with open(os.path.join(ROOT, "internal/imagenet/classes.txt"), encoding="utf-8") as f:
        return [line.split(" ", 1)[1] for line in f.read().splitlines()]


def now():
    return time.perf_counter(), time.process_time()


def since(start):
    """Seconds on the clock and of the processor."""
    return tuple(b - a for a, b in zip(start, now()))


def middle(runs, i):
    """The median of the i-th figure."""
    return statistics.median(r[i] for r in runs)


class Benchmark:
    """A Go benchmark of a package, one of whose cases is run at a time."""

    def __init__(self, package, name, a, folder):
        self.folder, self.name = os.path.join(ROOT, package), name
        self.binary, self.env = os.path.join(folder, "race.test"), dict(os.environ, GOMAXPROCS=str(a.threads))
        subprocess.run(["go", "test", "-c", "-tags", a.tags, "-o", self.binary, "./" + package], cwd=ROOT, check=True)

    def run(self, classes):
        """Seconds on the clock and of the processor, and the case's other figures by unit."""
        out = subprocess.run([self.binary, "-test.run", "^$", "-test.bench", f"{self.name}/classes={classes}$", "-test.benchtime", "1x"],
                             cwd=self.folder, env=self.env, capture_output=True, text=True)
        figures = {unit: float(value) for value, unit in re.findall(r"\s([\d.]+) ([a-zA-Z][\w/-]*)", out.stdout)}
        if "ns/op" not in figures or "cpu-s/op" not in figures:
            sys.exit(f"the benchmark failed:\n{out.stdout}{out.stderr}")
        return (figures["ns/op"] / 1e9, figures["cpu-s/op"]), figures


def options(doc):
    p = argparse.ArgumentParser(description=doc.splitlines()[0])
    p.add_argument("--classes", type=int, nargs="+", default=[100, 300, 1000, 3000])
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--tags", default="", help="build tags of our side, such as noasm")
    return p


def table(header, rows):
    """Prints rows of (what, figures here, figures there), each of clock and processor."""
    pad = " " * len(header)
    print(f"{pad}            clock                 processor")
    print(f"{header}     here  PyTorch  ratio      here  PyTorch  ratio")
    for what, ours, theirs in rows:
        print(what + "".join(f" {t:8.2f} {u:8.1f} {u / t:6.1f}  " for t, u in zip(ours, theirs)))

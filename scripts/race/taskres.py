#!/usr/bin/env python3
"""Races TaskRes training against the same loop in PyTorch.

    go test -c -o adapt.test ./adapt
    python scripts/race/taskres.py --binary ./adapt.test [--threads 2] [--rounds 3] [--steps 186]

Both sides take the same steps: 256 unit features of width 512, 1,000 classes,
prototypes plus residual normalised, logits, cross-entropy (or a remedy's
loss), gradient of the residual, SGD with momentum, fp32. The rounds alternate
between the two, so that what else the machine does falls on both, and the best
rounds count. On a busy machine --cpu compares processor time instead of wall
time (with --threads 1: threads that wait for one another spin). A whole run is
300 epochs of 62 steps, 18,600 steps.
"""

import argparse
import re
import resource
import subprocess
import time

import torch
import torch.nn.functional as F

B, K, D, POOL = 256, 1000, 512, 4096


def torch_steps(steps, remedy, clock=time.perf_counter):
    g = torch.Generator().manual_seed(1)
    text = torch.randn(K, D, generator=g)
    labels = torch.arange(POOL) % K
    feats = F.normalize(text[labels] + 2 * torch.randn(POOL, D, generator=g), dim=1)
    base = F.normalize(text, dim=1)
    zs = 100 * feats @ base.T
    lo, hi = zs.amin(1, keepdim=True), zs.amax(1, keepdim=True)
    x = torch.zeros(K, D, requires_grad=True)
    opt = torch.optim.SGD([x], lr=0.1, momentum=0.9)
    order = torch.randperm(POOL, generator=g)
    t0 = clock()
    for i in range(steps):
        rows = order[i * B % POOL : i * B % POOL + B]
        logits = 100 * feats[rows] @ F.normalize(text + 0.5 * x, dim=1).T
        if remedy == "zs-norm":
            l0, l1 = logits.amin(1, keepdim=True), logits.amax(1, keepdim=True)
            loss = F.cross_entropy((hi[rows] - lo[rows]) / (l1 - l0) * (logits - l0) + lo[rows], labels[rows])
        else:
            loss = F.cross_entropy(logits, labels[rows])
        if remedy == "penalty":
            loss = loss + 10 * (F.relu(logits - hi[rows]).mean() + F.relu(lo[rows] - logits).mean())
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
        if not torch.isfinite(loss):
            raise SystemExit("loss is not finite")
    return (clock() - t0) / steps


def go_cpu(binary, steps, remedy, threads):
    """Processor time a step; start-up cancels in the difference of two runs."""
    used = []
    for n in (steps, 3 * steps):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        go_steps(binary, n, remedy, threads)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return (used[1] - used[0]) / (2 * steps)


def go_steps(binary, steps, remedy, threads):
    out = subprocess.run(
        [binary, "-test.run", "xxx", "-test.bench", f"BenchmarkTaskResStep/{remedy}$",
         "-test.benchtime", f"{steps}x", "-test.cpu", str(threads)],
        capture_output=True, text=True, check=True).stdout
    return float(re.search(r"(\d+(?:\.\d+)?) ns/op", out).group(1)) / 1e9


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--binary", required=True)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--steps", type=int, default=186)
    p.add_argument("--cpu", action="store_true", help="compare processor time")
    p.add_argument("--remedies", default="none,zs-norm,penalty")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    print(f"torch {torch.__version__}, {a.threads} threads, {a.steps} steps a round")
    for remedy in a.remedies.split(","):
        torch_steps(10, remedy)
        ours, theirs = [], []
        for _ in range(a.rounds):
            go, clock = (go_cpu, time.process_time) if a.cpu else (go_steps, time.perf_counter)
            ours.append(go(a.binary, a.steps, remedy, a.threads))
            theirs.append(torch_steps(a.steps, remedy, clock))
        o, t = min(ours), min(theirs)
        print(f"{remedy:8s} ours {1e3 * o:6.2f} ms a step, PyTorch {1e3 * t:6.2f} ms (best rounds), ratio {t / o:.2f}; "
              f"300 epochs: {18600 * o:.0f} s against {18600 * t:.0f} s")


main()

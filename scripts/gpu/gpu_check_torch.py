"""Races clipcalib and PyTorch on one card: alternated rounds in one run, same
precision, batch and sizes, random weights and inputs.

    gpu_check_torch.py --clipcalib BIN --out FIGURES.jsonl [--seconds 560]

What is raced, most telling first: UNITS below. Figures are appended round by
round, so the same call goes on where another stopped, also in the middle of a
unit; a unit that does not fit --seconds is left for the next call. gpu_check_table.py prints the
medians over the rounds and their ratios.

"autotuned" is encoding against torch.compile with mode max-autotune, which takes
minutes to compile and is no part of what is asked for.

Fairness. Both sides wait for the device only around groups of runs, and report
the median group. "encode": pictures on the device, features stay there. "encode
end to end": pictures as bytes in host memory (page-locked for PyTorch),
normalised on the device, features back. PyTorch computes every token of the last
block, as its models do; ours only the rows that are read. "coop": 1,000 classes,
16 contexts, a batch of 32 known image features, forward, backward to the
contexts, SGD step; PyTorch on prompts padded to 77 tokens, as CoOp's release and
its followers have it, but without their loss.item() in every step, which would
make it wait. "tpt": an image's 64 views in host memory, their encoding, choice of
the tenth with lowest entropy, one AdamW step, prediction; AugMix and cropping on
neither side. "maple": 1,000 classes, 4 pictures in host memory, 2 vectors in each of
3 blocks of both towers, SGD step. "pretrain": 64 pairs, all weights of both towers,
AdamW; ours augments the pictures on the host meanwhile, PyTorch has the same ones
again and again. "taskres": the whole training of 300 epochs on 16 x 1,000 features
of width 512 in batches of 256; PyTorch with features on the device, shuffled
there, and no loss.item(); start-up and data transfer count on both sides, loading
of the program does not.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time

import gpu_check_torch_runs as runs
import gpu_check_torch_towers as towers
import torch

# (what, model, precision, seconds it may take)
UNITS = [
    ("encode", "ViT-B/16", "bf16", 120),
    ("encode", "ViT-L/14", "bf16", 160),
    ("coop", "ViT-B/16", "bf16", 90),
    ("tpt", "ViT-B/16", "bf16", 90),
    ("taskres", "", "fp32", 60),
    ("maple", "ViT-B/16", "bf16", 100),
    ("pretrain", "ViT-B/16", "tf32", 100),
    ("encode", "ViT-B/32", "bf16", 100),
    ("encode", "ViT-B/16", "fp16", 120),
    ("encode", "ViT-L/14", "fp16", 160),
    ("coop", "ViT-B/16", "fp16", 90),
    ("tpt", "ViT-B/16", "fp16", 90),
    ("encode", "ViT-B/16", "tf32", 120),
    ("encode", "ViT-B/16", "fp32", 120),
    ("coop", "ViT-B/16", "fp32", 110),
    ("encode", "ViT-L/14", "tf32", 180),
    ("encode", "ViT-B/32", "fp16", 100),
    ("encode", "ViT-B/32", "tf32", 100),
    ("tpt", "ViT-B/16", "fp32", 110),
    ("coop", "ViT-B/16", "tf32", 110),
    ("encode", "ViT-L/14", "fp32", 220),
    ("encode", "ViT-B/32", "fp32", 120),
    ("autotuned", "ViT-B/16", "bf16", 200),
    ("autotuned", "ViT-L/14", "bf16", 300),
]
SMOKE_UNITS = [(what, "tiny" if what != "taskres" else "", "fp32", 60)
               for what in ("encode", "autotuned", "coop", "tpt", "taskres", "maple", "pretrain")]
RUNS = {**runs.RUNS, **towers.RUNS}

# What clipcalib bench calls each figure.
FIGURES = {"image encoding, on the device": "encode", "image encoding, end to end": "encode end to end", "CoOp step": "coop",
           "TPT image": "tpt", "TaskRes training": "taskres", "TaskRes step": "taskres step", "MaPLe step": "maple", "pretraining step": "pretrain"}
PARTS = {"encode": "images", "autotuned": "images", "coop": "coop", "tpt": "tpt", "taskres": "taskres",
         "maple": "maple", "pretrain": "pretrain"}


class Clipcalib:
    """Runs clipcalib bench for a unit."""

    def __init__(self, a):
        self.a = a

    def round(self, unit, first):
        what, model, precision, _ = unit
        a = self.a
        command = [a.clipcalib, "bench", "--json", "-q", "--device", a.clipcalib_device, "--precision", precision,
                   "--models", model or "tiny", "--what", PARTS[what] + (",peaks" if first else ""),
                   "--batches", ",".join(map(str, a.batches)), "--keep-models", a.models, "--classes", str(a.classes), "--steps", str(a.epochs * (a.bank // a.bank_batch)),
                   "--time", f"{a.budget}s"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
        run = json.loads(done.stdout)["runs"][0]
        for f in run["figures"]:
            name = next((v for k, v in FIGURES.items() if f["what"].startswith(k)), None)
            if name:
                yield dict(what=name, batch=f.get("batch", 0), rate=f["rate"], gflop_s=f.get("gflop_s"), share=f.get("share"), by="clipcalib")
        if first:
            yield dict(what="peak", batch=0, rate=run["peak_gflop_s"] / 1e3, by="clipcalib")
            yield dict(what="bandwidth", batch=0, rate=run["bandwidth_gb_s"], by="clipcalib")


def race(unit, a, begin):
    """Yields the figures of each round of a unit from begin on, in which the sides
    take turns."""
    what, model, precision, _ = unit
    ours, theirs = Clipcalib(a), RUNS[what](model, precision, a)
    for r in range(begin, a.rounds):
        figures = []
        for side in (ours.round(unit, r == 0), theirs.round()):
            if a.device == "cuda":
                torch.cuda.synchronize()
                torch.cuda.empty_cache()
            for figure in side:
                figure.update(model=model, precision=precision, round=r)
                figures.append(figure)
        yield figures


def read(path):
    """The figures of a file, and how many rounds of each unit are whole."""
    figures, rounds = [], {}
    try:
        with open(path, encoding="utf-8") as f:
            for v in map(json.loads, f):
                if "done" in v:
                    unit = tuple(v["done"])
                    rounds[unit] = rounds.get(unit, 0) + 1
                else:
                    figures.append(v)
    except FileNotFoundError:
        pass
    return figures, rounds


def arguments():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--clipcalib", required=True, help="the program")
    p.add_argument("--out", required=True, help="file of figures, appended to")
    p.add_argument("--seconds", type=float, default=560, help="start no unit that may end later")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--budget", type=float, default=1.0, help="seconds a figure")
    p.add_argument("--models", default=".cache/bench-models", help="folder where clipcalib keeps its random models")
    p.add_argument("--batch", type=int, default=0, help="encode in this batch alone")
    p.add_argument("--only", default="", help="units to race, comma-separated, as encode or encode:bf16")
    p.add_argument("--no-compile", action="store_true", help="without torch.compile")
    p.add_argument("--smoke", action="store_true", help="try the script itself, small and on the processor")
    a = p.parse_args()
    a.device, a.clipcalib_device, a.units = "cuda", "cuda", UNITS
    a.batches, a.classes, a.views, a.epochs, a.bank, a.bank_batch = (32, 256), 1000, 64, 300, 16000, 256
    a.backend = "inductor"
    if a.smoke:
        a.device, a.clipcalib_device, a.units, a.backend = "cpu", "cpu", SMOKE_UNITS, "eager"
        a.batches, a.classes, a.epochs, a.rounds, a.budget = (2, 4), 10, 2, 2, 0.05
        torch.set_num_threads(1)
    if a.batch and not a.smoke:
        a.batches = (a.batch,)
    return a


def chosen(unit, only):
    return not only or any(o in (unit[0], f"{unit[0]}:{unit[2]}") for o in only.split(","))


def main():
    a = arguments()
    begun, failed, left = time.monotonic(), 0, False
    _, whole = read(a.out)
    print(f"PyTorch {torch.__version__}", torch.cuda.get_device_name() if a.device == "cuda" else "on the processor")
    for unit in a.units:
        begin = whole.get(unit[:3], 0)
        if begin >= a.rounds or not chosen(unit, a.only):
            continue
        if time.monotonic() - begun + unit[3] > a.seconds:
            print("left for the next call:", *unit[:3])
            left = True
            continue
        start = time.monotonic()
        try:
            for figures in race(unit, a, begin):
                with open(a.out, "a", encoding="utf-8") as f:  # one write a round: none is half there
                    f.write("".join(json.dumps(v) + "\n" for v in [*figures, {"done": unit[:3]}]))
        except (RuntimeError, torch.OutOfMemoryError) as error:  # the other units still count
            print(*unit[:3], "FAILED:", " ".join(str(error).split())[:600])
            failed += 1
            continue
        by = {}
        for figure in read(a.out)[0]:
            if (figure["model"], figure["precision"]) != unit[1:3]:
                continue
            by.setdefault((figure["what"], figure["batch"], figure["by"]), []).append(figure["rate"])
        print(*unit[:3], f"{time.monotonic() - start:.0f} s")
        for key, rates in by.items():
            print("   ", *key, f"{statistics.median(rates):.4g}", flush=True)
    sys.exit(1 if failed else 3 if left else 0)


if __name__ == "__main__":
    main()

"""Compares features in every precision with float64, ours and PyTorch's own.

    gpu_check_accuracy.py FOLDER [--device cuda]

FOLDER holds what gpu.test -test.run Features writes: for each size SIZE.weights,
a checkpoint of random weights, and SIZE.features, the pictures and tokens that
were encoded with clipcalib's features of them in each precision. PyTorch runs
the same weights on the same inputs in float64, which is the truth here, and in
each precision. An error is |x - truth| / |truth| of a feature, its mean over
pictures or prompts. Ends with 1 where ours is beyond 1e-5 in fp32, or beyond
PyTorch's own by more than a tenth in 16 bits, and in tf32 also beyond TF32's
rounding: cuBLAS rounds factors in its own way there, for both sides alike, and
PyTorch computes more or less in it, by device and release.
"""

import argparse
import pathlib
import sys

import gpu_check_model as clip
import numpy as np
import torch

TF32 = 2.0**-10
MARGIN = 1.1  # the same rounding in another order of sums scatters by some per cent


def limit(precision, theirs):
    """The largest error that is accepted, given PyTorch's."""
    if precision == "fp32":
        return 1e-5
    return max(MARGIN * theirs, TF32 if precision == "tf32" else 0)


def errors(x, truth):
    x, truth = np.asarray(x, np.float64), np.asarray(truth, np.float64)
    e = np.linalg.norm(x - truth, axis=1) / np.linalg.norm(truth, axis=1)
    return float(np.where(np.isfinite(e), e, np.inf).mean())


def encode(size, weights, arrays, device, dtype):
    """Features of PyTorch's towers in dtype: {"images": ..., "texts": ...}."""
    image = clip.load_tower(clip.Image(size), weights, "visual.").to(device, dtype)
    text = clip.load_tower(clip.Text(size), weights).to(device, dtype)
    tokens = torch.from_numpy(np.array(arrays["tokens"])).to(device).long()
    with torch.inference_mode():
        pictures = torch.from_numpy(np.array(arrays["images"])).to(device, dtype)
        out = {"images": image(pictures), "texts": text(text.token_embedding(tokens), tokens.argmax(-1))}
        return {k: v.double().cpu().numpy() for k, v in out.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--device", default="cuda")
    a = parser.parse_args()
    files = sorted(a.folder.glob("*.features"))
    if not files:
        sys.exit(f"no *.features in {a.folder}")
    bad = 0
    print(f"{'model':10} {'':6} {'':5} {'clipcalib':>10} {'PyTorch':>10}   (error against float64)")
    for path in files:
        arrays, weights = clip.read_safetensors(path), clip.read_safetensors(path.with_suffix(".weights"))
        size = path.stem.replace("_", "/")
        clip.set_precision("fp32")
        truth = encode(size, weights, arrays, a.device, torch.float64)
        for precision in clip.PRECISIONS:
            if f"images.{precision}" not in arrays:
                print(f"{size:10} {precision}: not written (the card lacks it)")
                continue
            own = encode(size, weights, arrays, a.device, clip.set_precision(precision))
            for kind in ("images", "texts"):
                ours, theirs = errors(arrays[f"{kind}.{precision}"], truth[kind]), errors(own[kind], truth[kind])
                beyond = not ours <= limit(precision, theirs)
                verdict = "  BEYOND" if beyond else ""
                bad += beyond
                print(f"{size:10} {kind:6} {precision:5} {ours:10.2e} {theirs:10.2e}{verdict}", flush=True)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()

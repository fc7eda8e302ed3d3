"""Logits as the paper's code for adapters saves them: a tensor by torch.save, and
labels as a list. Written with PyTorch 2.

    python make_released.py    # beside this file: released/
"""
import pathlib

import torch

ROOT = pathlib.Path(__file__).parent / "released" / "FINAL"
CONFIG = "SGD_lr1e-1_B256_ep300_TRInit_noneConstraint_16shots"
zero = torch.tensor([[3, 0, 0], [1, 2, 2.5]]).half()
adapted = torch.tensor([[9, 0, 0], [0, 8, 4]]).float()

for name in ("imagenetv2", "imagenet_sketch", "imagenet_a", "imagenet_r"):
    for folder, value in ((f"{name}/ZS/rn50", zero), (f"{name}/ADAPTER/rn50/{CONFIG}/seed1", adapted)):
        at = ROOT / folder
        at.mkdir(parents=True, exist_ok=True)
        torch.save(value, at / "logits.pt")
    torch.save([0, 2], ROOT / name / "ZS/rn50/target.pt")
other = ROOT / f"imagenetv2/ADAPTER/rn50/{CONFIG}_ls/seed1"  # with label smoothing: no row of the table
other.mkdir(parents=True, exist_ok=True)
torch.save(adapted, other / "logits.pt")

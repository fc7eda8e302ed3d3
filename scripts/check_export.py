"""Loads what `clipcalib convert RUN FOLDER` wrote as the releases' code does.

    python scripts/check_export.py FOLDER...

Made with torch 2.x; exits with an error at the first file that does not fit.
"""

import pathlib
import sys

import torch


def dassl(path):
    checkpoint = torch.load(path, weights_only=True)
    state, epoch = checkpoint["state_dict"], checkpoint["epoch"]
    assert path.name == f"model.pth.tar-{epoch}", (path, epoch)
    if "fc.0.weight" in state:  # CLIP-Adapter
        hidden, width = state["fc.0.weight"].shape
        adapter = torch.nn.Module()
        adapter.fc = torch.nn.Sequential(
            torch.nn.Linear(width, hidden, bias=False), torch.nn.ReLU(),
            torch.nn.Linear(hidden, width, bias=False), torch.nn.ReLU())
        adapter.load_state_dict(state)
    elif "text_feature_residuals" in state:  # TaskRes
        assert state["base_text_features"].shape == state["text_feature_residuals"].shape
    else:
        assert "ctx" in state or "prompt_learner.ctx" in state, list(state)
    print(path, {k: tuple(v.shape) for k, v in state.items()})


def tip(path):
    keys = torch.load(path, weights_only=True)
    values = torch.load(path.with_name(path.name.replace("keys", "values")), weights_only=True)
    assert values.dtype == torch.float16 and values.shape[0] == keys.shape[1]
    assert (values.sum(1) == 1).all() and (keys.norm(dim=0) - 1).abs().max() < 1e-6
    trained = path.with_name(path.name.replace("keys", "best_F"))
    if trained.exists():
        layer = torch.nn.Linear(keys.shape[0], keys.shape[1], bias=False)
        layer.weight = torch.load(trained, weights_only=True)  # fails where it is no Parameter
    print(path, tuple(keys.shape), tuple(values.shape))


def main():
    for folder in map(pathlib.Path, sys.argv[1:]):
        checkpoints, caches = sorted(folder.glob("*/model.pth.tar-*")), sorted(folder.glob("keys_*shots.pt"))
        assert checkpoints or caches, f"{folder} holds no files of a run"
        for path in checkpoints:
            dassl(path)
        for path in caches:
            tip(path)


main()

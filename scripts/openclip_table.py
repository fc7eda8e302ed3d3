#!/usr/bin/env python3
"""Compares clipcalib with open_clip on every architecture that open_clip knows.

    python3 scripts/openclip_table.py CLIPCALIB [--only NAME...] [--huggingface] > table.md

CLIPCALIB is the built command. Every model has random weights and all fields of its
configuration, but fewer and narrower blocks, so that the largest fits a laptop (--full
keeps the size). Of towers that are not open_clip's own, timm's, the names alone are saved:
they must be refused by them. HuggingFace's text towers are built
from small configurations of their kind. A model is saved as open_clip saves it for
the hub: open_clip_model.safetensors beside open_clip_config.json, and again as a bare
state dict. Features of three pictures and three texts are compared: "agrees" is a cosine
of 0.99999 or more in every row, in the bare form too; "refused" gives the command's line.
Anything else is wrong, and the exit code is 1.

The table in docs/WEIGHTS.md was made with open_clip_torch 3.3.0, timm 1.0.31,
transformers 5.24.0 and torch 2.15.0.
"""

import argparse
import copy
import json
import os
import subprocess
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np  # noqa: E402
import open_clip  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

TEXTS = ["a photo of a dog.", "a drawing of two cats", "x"]


def pictures(folder):
    rng = np.random.default_rng(0)
    paths = []
    for i, (w, h) in enumerate([(300, 200), (123, 257), (400, 397)]):
        y, x = np.mgrid[:h, :w]
        base = np.stack([x * 255 / w, y * 255 / h, (x + y) % 256], -1) + rng.normal(0, 20, (h, w, 3))
        path = os.path.join(folder, f"{i}.png")
        Image.fromarray(base.clip(0, 255).astype(np.uint8)).save(path)
        paths.append(path)
    return paths


def smaller(config):
    """The same fields, two blocks a tower and four heads' width."""
    c = copy.deepcopy(config)
    v, t = c["vision_cfg"], c["text_cfg"]
    if isinstance(v.get("layers"), list):  # a ResNet
        v["width"] = 2 * v.get("head_width", 64) // 8
        v["layers"] = [min(n, 2) for n in v["layers"]]
    elif "timm_model_name" not in v:
        v["width"] = 2 * v.get("head_width", 64)
        v["layers"] = 2
    if "hf_model_name" not in t:
        heads = t.get("heads", 8)
        t["width"] = 2 * (t.get("width", 512) // heads)
        t["heads"] = 2
        t["layers"] = 2
    if "multimodal_cfg" in c:
        m = c["multimodal_cfg"]
        m["layers"] = 1
        m["width"], m["heads"] = t.get("width", m["width"]), t.get("heads", m["heads"])
    return c


def build(name, config):
    torch.manual_seed(0)
    kind = open_clip.coca_model.CoCa if "multimodal_cfg" in config else (
        open_clip.CustomTextCLIP if config.get("custom_text") or "hf_model_name" in config["text_cfg"] else open_clip.CLIP)
    config = copy.deepcopy(config)
    config.pop("custom_text", None)
    if "hf_model_name" in config["text_cfg"]:
        config["text_cfg"]["hf_model_pretrained"] = False
    model = kind(**config).eval()
    if next(model.parameters()).is_meta:
        return model
    for p in model.parameters():  # zeros and ones would hide what is left out
        if p.dim() and torch.equal(p, p.flatten()[0].expand_as(p)):
            p.data += 0.1 * torch.randn_like(p)
    model.logit_scale.data.fill_(4.6)
    return model


def small_language_model(name, **_):
    """What AutoConfig would fetch, small."""
    import transformers as t
    if "roberta" in name:
        kind = t.XLMRobertaConfig if "xlm" in name else t.RobertaConfig
        return kind(hidden_size=64, num_hidden_layers=1, num_attention_heads=2, intermediate_size=128)
    if "mt5" in name:
        return t.MT5Config(d_model=64, d_kv=32, d_ff=128, num_layers=1, num_heads=2, vocab_size=1000)
    return t.M2M100Config(d_model=64, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
                          encoder_ffn_dim=128, decoder_ffn_dim=128, vocab_size=1000)


def names_only(config):
    return "timm_model_name" in config["vision_cfg"]


def preprocess_of(name):
    for tag in open_clip.list_pretrained_tags_by_model(name):
        p = open_clip.get_pretrained_cfg(name, tag)
        return {k: p[k] for k in ("mean", "std", "interpolation", "resize_mode") if k in p}
    return dict(mean=[0.5, 0.4, 0.3], std=[0.2, 0.25, 0.3], interpolation="bilinear", resize_mode="longest")


def cosine(a, b):
    a, b = a.astype(np.float64), b.astype(np.float64)
    return ((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).min()


class Runner:
    def __init__(self, command, work):
        self.command, self.work = command, work
        self.pictures = pictures(work)
        self.prompts = os.path.join(work, "prompts.txt")
        with open(self.prompts, "w") as f:
            f.write("\n".join(TEXTS) + "\n")

    def encode(self, weights, *args):
        out = os.path.join(self.work, "out.npy")
        if os.path.exists(out):
            os.remove(out)
        r = subprocess.run([self.command, "encode", "-q", "--weights", weights, "--out", out, *args], capture_output=True, text=True)
        if r.returncode:
            line = r.stderr.strip().splitlines()[-1]
            return None, line.replace(self.work, "").removeprefix("clipcalib: ")
        return np.load(out), ""

    def images(self, weights, *more):
        return self.encode(weights, *more, "--images", *self.pictures)

    def texts(self, weights, *more):
        return self.encode(weights, *more, "--texts", self.prompts)


def reference(model, name, preprocess, config, runner):
    size = model.visual.image_size
    size = size if isinstance(size, int) else size[0]
    transform = open_clip.transform.image_transform(size, is_train=False, **preprocess)
    images = torch.stack([transform(Image.open(p).convert("RGB")) for p in runner.pictures])
    with torch.no_grad():
        image = model.encode_image(images).numpy()
        text = None
        t = config["text_cfg"]
        if t.get("vocab_size", 49408) == 49408 and not any(k in t for k in ("hf_tokenizer_name", "hf_model_name")):
            tokens = open_clip.SimpleTokenizer(context_length=t.get("context_length", 77))(TEXTS)
            text = model.encode_text(tokens).numpy()
    return image, text


def names(runner, folder, model, config, preprocess):
    """A model that must be refused by the names of its tensors."""
    with open(os.path.join(folder, "open_clip_config.json"), "w") as f:
        json.dump({"model_cfg": config, "preprocess_cfg": preprocess}, f)
    save_file({k: torch.zeros(1) for k in model.state_dict()}, os.path.join(folder, "open_clip_model.safetensors"))
    image, why = runner.images(folder)
    return ("refused", why) if image is None else ("WRONG", "encoded, though it is another tower")


def compare(runner, name, full):
    config = open_clip.get_model_config(name)
    if not full:
        config = smaller(config)
    preprocess = preprocess_of(name)
    folder = os.path.join(runner.work, "model")
    os.makedirs(folder, exist_ok=True)
    try:
        if names_only(config):
            with torch.device("meta"):
                model = build(name, config)
            return names(runner, folder, model, config, preprocess)
        model = build(name, config)
    except (OSError, ImportError, RuntimeError, NotImplementedError) as e:
        return "not built", f"{type(e).__name__}: {str(e).splitlines()[0][:80]}"
    state = {k: v.contiguous().clone() for k, v in model.state_dict().items()}
    with open(os.path.join(folder, "open_clip_config.json"), "w") as f:
        json.dump({"model_cfg": config, "preprocess_cfg": preprocess}, f)
    save_file(state, os.path.join(folder, "open_clip_model.safetensors"))
    image, why = runner.images(folder)
    if image is None:
        return "refused", why
    want_image, want_text = reference(model, name, preprocess, config, runner)
    worst = cosine(image, want_image)
    text, no_text = runner.texts(folder)
    said = f"images {worst:.7f}"
    if text is not None:
        if want_text is None:
            return "WRONG", "texts of another vocabulary were encoded"
        worst = min(worst, cosine(text, want_text))
        said += f", texts {cosine(text, want_text):.7f}"
    else:
        said += f"; texts refused: {no_text}"
    # A bare state dict must be refused, or agree once told.
    bare = os.path.join(runner.work, "bare.pt")
    torch.save(state, bare)
    got, _ = runner.images(bare)
    if got is not None and cosine(got, want_image) < 0.99999:
        return "WRONG", "the bare state dict was encoded with an activation of its own"
    os.remove(bare)
    return ("agrees" if worst >= 0.99999 else "WRONG"), said


def main():
    p = argparse.ArgumentParser()
    p.add_argument("command")
    p.add_argument("--only", nargs="*")
    p.add_argument("--full", action="store_true", help="full size, not narrowed")
    a = p.parse_args()
    torch.set_num_threads(2)
    open_clip.hf_model.AutoConfig.from_pretrained = small_language_model
    counts = {}
    print("| architecture | verdict | |\n| --- | --- | --- |")
    with tempfile.TemporaryDirectory() as work:
        runner = Runner(os.path.abspath(a.command), work)
        for name in a.only or open_clip.list_models():
            verdict, why = compare(runner, name, a.full)
            counts[verdict] = counts.get(verdict, 0) + 1
            print(f"| {name} | {verdict} | {why} |", flush=True)
    print("\n" + ", ".join(f"{n} {v}" for v, n in sorted(counts.items())))
    return 1 if counts.get("WRONG") else 0


if __name__ == "__main__":
    sys.exit(main())

"""Writes full-size models with seeded random weights, in three name layouts,
and what PyTorch makes of them, for TestFullSizeAgreesWithPyTorch.

    python make_full.py DIR [ViT-B-32 ViT-B-16 ViT-L-14 RN50] [--gradients ViT-B-32]
    CLIPCALIB_FULL=DIR go test -v -run FullSize ./internal/clip

RN50, RN101, RN50x4, RN50x16 and RN50x64 are written where they are named, in two layouts.
Needs what make_golden.py needs, and 1 to 3 GB of disk a model.
"""

import argparse
import gc
import os

import torch
from safetensors.torch import save_file

import make_resnet
from make_golden import Size, agree, build, contrastive, half, inputs, parameters, run

SIZES = {
    "ViT-B-32": Size(512, 224, 32, 768, 12, 12, 77, 49408, 512, 12, 8),
    "ViT-B-16": Size(512, 224, 16, 768, 12, 12, 77, 49408, 512, 12, 8),
    "ViT-L-14": Size(768, 224, 14, 1024, 24, 16, 77, 49408, 768, 12, 12),
}


def main():
    a = argparse.ArgumentParser()
    a.add_argument("dir")
    a.add_argument("models", nargs="*", default=list(SIZES))
    a.add_argument("--gradients", action="append", default=[])
    a = a.parse_args()
    os.makedirs(a.dir, exist_ok=True)
    for name in a.models:
        at = lambda suffix: os.path.join(a.dir, f"{name}.{suffix}")
        if name in make_resnet.FULL:
            tensors, custom = make_resnet.write(make_resnet.FULL[name], at, 4, 6)
            torch.save(tensors, at("openai.pt"))
            torch.save({"state_dict": custom}, at("text.pt"))
            print(name, "done", flush=True)
            continue
        s = SIZES[name]
        plain, custom, hf = build(s, True, seed=3)
        x, tokens = inputs(s, 6, 12, seed=4)
        image, text, logits = agree((plain, custom, hf), x, tokens, 1e-4)
        torch.save(half(parameters(plain)), at("openai.pt"))
        torch.save({"state_dict": half(parameters(custom))}, at("text.pt"))
        save_file(half({k: v for k, v in hf.state_dict().items() if "position_ids" not in k}), at("hf.safetensors"))
        del custom, hf
        gc.collect()
        golden = {"images": x, "tokens": tokens, "image_features": image, "text_features": text, "logits": logits}
        if name in a.gradients:
            x, tokens = x[:4], tokens[:4]
            with torch.no_grad():
                plain.logit_scale.fill_(1.5)
            loss = contrastive(run(plain, x, tokens)[2])
            loss.backward()
            grads = {"images": x, "tokens": tokens, "loss": loss}
            grads.update({"grad." + k: p.grad for k, p in plain.named_parameters()})
            save(grads, at("gradients.safetensors"))
        save(golden, at("golden.safetensors"))
        print(name, "done", flush=True)


def save(tensors, path):
    save_file({k: v.detach().contiguous().to(torch.int32) if k == "tokens" else v.detach().contiguous()
               for k, v in tensors.items()}, path)


if __name__ == "__main__":
    main()

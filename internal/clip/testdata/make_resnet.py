"""Writes a small CLIP with a modified ResNet and what PyTorch makes of it.

Checked with torch 2.15, open_clip 3.3, safetensors 0.8.
Run in this folder:  python make_resnet.py

The tower is open_clip's own ModifiedResNet, as OpenAI's: seeded random weights that
fp16 holds exactly, statistics of the batch norms away from 0 and 1 and kept in fp32. It
is saved as a traced TorchScript archive with OpenAI's three sizes beside the weights,
and as open_clip's CustomTextCLIP in safetensors. Features and logits are computed in
float64.
"""

import os
import sys
import zipfile

import open_clip
import torch
from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg, CustomTextCLIP
from safetensors.torch import save_file

from make_golden import fill, inputs, run, to_text_prefix

torch.use_deterministic_algorithms(True)


class Size:
    def __init__(self, embed, image, width, stages, context, vocab, twidth, tlayers, theads, head_width=64):
        self.embed, self.image, self.width, self.stages, self.head_width = embed, image, width, stages, head_width
        self.context, self.vocab, self.twidth, self.tlayers, self.theads = context, vocab, twidth, tlayers, theads


TINY = Size(20, 96, 4, [2, 1, 2, 1], 12, 60, 16, 2, 2)
FULL = {
    "RN50": Size(1024, 224, 64, [3, 4, 6, 3], 77, 49408, 512, 12, 8),
    "RN101": Size(512, 224, 64, [3, 4, 23, 3], 77, 49408, 512, 12, 8),
    "RN50x4": Size(640, 288, 80, [4, 6, 10, 6], 77, 49408, 640, 12, 10),
    "RN50x16": Size(768, 384, 96, [6, 8, 18, 8], 77, 49408, 768, 12, 12),
    "RN50x64": Size(1024, 448, 128, [3, 15, 36, 10], 77, 49408, 1024, 12, 16),
}


def build(kind, s, seed):
    vision = CLIPVisionCfg(layers=s.stages, width=s.width, head_width=s.head_width, image_size=s.image)
    text = CLIPTextCfg(context_length=s.context, vocab_size=s.vocab, width=s.twidth, heads=s.theads, layers=s.tlayers)
    model = kind(s.embed, vision, text, quick_gelu=True).eval()
    fill(model, seed)
    g = torch.Generator().manual_seed(seed + 1)
    for name, b in sorted(model.named_buffers()):
        if name.endswith("running_mean"):
            b.copy_(0.2 * torch.randn(b.shape, generator=g))
        elif name.endswith("running_var"):
            b.copy_((0.4 * torch.randn(b.shape, generator=g)).exp())
    return model


def state(model):
    """As OpenAI stores it: fp16 but for norms, embeddings and the scale."""
    wide = ("bn", "ln_", "downsample.1", "embedding", "logit_scale")
    return {k: v.detach() if not v.is_floating_point() or any(w in k for w in wide) else v.detach().half()
            for k, v in model.state_dict().items() if "attn_mask" not in k}


class Half(torch.nn.Module):
    """A module whose state dict is a given one, for an archive of the types that OpenAI's has."""

    def __init__(self, tensors):
        super().__init__()
        for key, v in tensors.items():
            at = self
            *path, last = key.split(".")
            for p in path:
                if p not in at._modules:
                    at.add_module(p, torch.nn.Module())
                at = at._modules[p]
            if v.is_floating_point() and "running_" not in key:
                at.register_parameter(last, torch.nn.Parameter(v))
            else:
                at.register_buffer(last, v)

    def forward(self, x):
        return x * torch.sigmoid(1.702 * x)


def archive(tensors, path):
    sizes = {"input_resolution": TINY.image, "context_length": TINY.context, "vocab_size": TINY.vocab}
    module = Half({**tensors, **{k: torch.tensor(v) for k, v in sizes.items()}})
    torch.jit.trace_module(module, {"forward": torch.zeros(1)}).save(path)
    with zipfile.ZipFile(path) as z:  # less the records that hold the paths of this machine
        kept = [(i, z.read(i)) for i in z.infolist() if not i.filename.endswith(".debug_pkl")]
    with zipfile.ZipFile(path, "w") as z:
        for info, data in kept:
            fresh = zipfile.ZipInfo(info.filename)
            fresh.compress_type = info.compress_type
            z.writestr(fresh, data)


def golden(model, s, images, prompts, seed, path):
    x, tokens = inputs(s, images, prompts, seed)
    x = x.half()
    with torch.no_grad():
        image, text, logits = run(model.double(), x.double(), tokens)
    save_file({"images": x, "tokens": tokens.to(torch.int32), "image_features": image.float().contiguous(),
               "text_features": text.float().contiguous(), "logits": logits.float().contiguous()}, path)


def write(s, at, images, prompts):
    model, custom = build(CLIP, s, 11), build(CustomTextCLIP, s, 11)
    tensors = state(model)
    custom.load_state_dict(to_text_prefix(tensors), strict=False)
    golden(model, s, images, prompts, 12, at("golden.safetensors"))
    return tensors, state(custom)


def main():
    tensors, custom = write(TINY, lambda _: "golden_resnet.safetensors", 2, 5)
    archive(tensors, "tiny_resnet.pt")
    save_file(custom, "tiny_resnet_text.safetensors")
    print("torch", torch.__version__, "open_clip", open_clip.__version__)


if __name__ == "__main__":
    os.chdir(os.path.dirname(os.path.abspath(sys.argv[0])))
    main()

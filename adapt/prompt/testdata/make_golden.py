"""Writes golden_methods.safetensors and golden_trie.safetensors.

Checked with torch 2.15, open_clip 3.3, safetensors 0.8.
Run in this folder:  python make_golden.py

Each method of prompt learning is stated again in PyTorch, padded to 77 tokens
and in float64, and takes ten steps on the same weights, images and initial
vectors as the Go tests.
"""

import math
import os
import sys

import open_clip
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

import seeded

CLASSES = ["cat", "tabby cat", "great white shark", "forklift", "aircraft carrier", "T-shirt", "bow_tie"]
LABELS = [0, 1, 2, 3, 4, 5, 6, 2]
EPOCHS, LR, DECAY = 10, 0.02, 5e-4
TEMPLATES = ["a photo of a {}.", "a bad photo of the {}.", "a drawing of {}, big."]
PHRASE = "a photo of a"

unit = lambda x: x / x.norm(dim=-1, keepdim=True)


def noise(name, *shape, scale=0.02):
    return seeded.uniform("init." + name, shape, scale * math.sqrt(3)).double()


def tokenize(prefix):
    return open_clip.tokenize([f"{prefix} {c.replace('_', ' ')}." for c in CLASSES])


def encode(m, template):
    return m.encode_text(open_clip.tokenize([template.replace("{}", c.replace("_", " ")) for c in CLASSES]))


class Task:
    def __init__(self):
        self.m = m = seeded.small()
        self.scale = m.logit_scale.exp()
        self.images = seeded.uniform("images", (len(LABELS), 3, 16, 16), 2).double()
        self.labels = torch.tensor(LABELS)
        with torch.no_grad():
            self.frozen = unit(seeded.image_features(m, self.images))
            self.protos = unit(encode(m, TEMPLATES[0]))
            self.mentor = unit(torch.stack([encode(m, t) for t in TEMPLATES]).mean(0))
            self.words = m.token_embedding(open_clip.tokenize(PHRASE))[0, 1:5]
        self.zs = self.scale * self.frozen @ self.protos.t()

    def remedied(self, remedy, logits):
        lo, hi = self.zs.amin(1, keepdim=True), self.zs.amax(1, keepdim=True)
        if remedy == "zs-norm":
            a, b = logits.amin(1, keepdim=True), logits.amax(1, keepdim=True)
            return F.cross_entropy((hi - lo) / (b - a) * (logits - a) + lo, self.labels)
        ce = F.cross_entropy(logits, self.labels)
        if remedy == "penalty":
            ce = ce + 10 * (F.relu(logits - hi).mean() + F.relu(lo - logits).mean())
        return ce


class CoOp:
    def __init__(self, t, name, m=16, start=None, per_class=False):
        shape = (len(CLASSES), m) if per_class else (m,)
        start = noise(name, *shape, 32) if start is None else start
        self.t, self.tokens = t, tokenize(" ".join(["X"] * m))
        self.params = {"prompt_learner.ctx": start}

    def text(self, ctx):
        return unit(seeded.text_features(self.t.m, self.tokens, ctx))

    def logits(self, p):
        return self.t.scale * self.t.frozen @ self.text(p["prompt_learner.ctx"]).t()

    def extra(self, p, logits):
        return 0


class KgCoOp(CoOp):
    def __init__(self, t):
        super().__init__(t, "", 4, t.words + noise("kgcoop", 4, 32))

    def extra(self, p, logits):
        return 8 * (1 - F.cosine_similarity(self.text(p["prompt_learner.ctx"]), self.t.protos, dim=-1).mean())


class ProGrad(CoOp):
    def __init__(self, t):
        super().__init__(t, "", 6, torch.cat([torch.zeros(2, 32), t.words]) + noise("prograd", 6, 32))

    def distill(self, logits):
        return -(self.t.zs.softmax(-1) * logits.log_softmax(-1)).sum(1).mean()


class CoCoOp:
    def __init__(self, t):
        self.t, self.tokens = t, tokenize("X X X X")
        n = "prompt_learner."
        self.params = {n + "ctx": t.words + noise("cocoop", 4, 32)}
        for layer, shape in (("1", (1, 16)), ("2", (32, 1))):
            full = f"{n}meta_net.linear{layer}."
            self.params[full + "weight"] = noise(full + "weight", *shape, scale=0.5)
            self.params[full + "bias"] = noise(full + "bias", shape[0], scale=0.1)

    def logits(self, p):
        get = lambda k: p["prompt_learner." + k]
        rows = []
        for x in self.t.frozen:
            h = F.linear(x, get("meta_net.linear1.weight"), get("meta_net.linear1.bias")).relu()
            bias = F.linear(h, get("meta_net.linear2.weight"), get("meta_net.linear2.bias"))
            f = unit(seeded.text_features(self.t.m, self.tokens, get("ctx") + bias))
            rows.append(self.t.scale * f @ x)
        return torch.stack(rows)

    def extra(self, p, logits):
        return 0


class MaPLe:
    def __init__(self, t):
        self.t, self.tokens = t, tokenize(PHRASE)
        n = "prompt_learner."
        self.params = {n + "ctx": t.words[:2] + noise("maple", 2, 32)}
        def linear(name):
            self.params[name + "weight"] = noise(name + "weight", 32, 32, scale=0.1)
            self.params[name + "bias"] = noise(name + "bias", 32, scale=0.1)
        linear(n + "proj.")
        for i in range(2):
            self.params[f"{n}compound_prompts_text.{i}"] = noise(f"maple.deep.{i}", 2, 32)
            linear(f"{n}compound_prompt_projections.{i}.")

    def features(self, p):
        get = lambda k: p["prompt_learner." + k]
        couple = lambda name, x: F.linear(x, get(name + "weight"), get(name + "bias"))
        deep = [get(f"compound_prompts_text.{i}") for i in range(2)]
        vision = [couple("proj.", get("ctx"))] + [couple(f"compound_prompt_projections.{i}.", d) for i, d in enumerate(deep)]
        return (unit(seeded.image_features(self.t.m, self.t.images, vision)),
                unit(seeded.text_features(self.t.m, self.tokens, get("ctx"), deep)))

    def logits(self, p):
        image, text = self.features(p)
        return self.t.scale * image @ text.t()

    def extra(self, p, logits):
        return 0


class PromptSRC(MaPLe):
    def __init__(self, t):
        self.t, self.tokens = t, tokenize(PHRASE)
        self.params = {"prompt_learner.ctx": t.words + noise("promptsrc", 4, 32),
                       "image_encoder.VPT": noise("promptsrc.vision.0", 4, 32)}
        for i in (1, 2):
            self.params[f"text_encoder.transformer.resblocks.{i}.VPT_shallow"] = noise(f"promptsrc.text.{i}", 4, 32)
            self.params[f"image_encoder.transformer.resblocks.{i}.VPT_shallow"] = noise(f"promptsrc.vision.{i}", 4, 32)

    def features(self, p):
        deep = lambda tower: [p[f"{tower}_encoder.transformer.resblocks.{i}.VPT_shallow"] for i in (1, 2)]
        return (unit(seeded.image_features(self.t.m, self.t.images, [p["image_encoder.VPT"]] + deep("image"))),
                unit(seeded.text_features(self.t.m, self.tokens, p["prompt_learner.ctx"], deep("text"))))

    def extra(self, p, logits):
        t = self.t
        image, text = self.features(p)
        teacher = t.scale * t.frozen @ t.mentor.t()
        kl = F.kl_div(logits.log_softmax(1), teacher.log_softmax(1), reduction="sum", log_target=True) / logits.numel()
        return 25 * F.l1_loss(text, t.mentor) + 10 * F.l1_loss(image, t.frozen) + kl

    def weights(self):
        w = torch.tensor([math.exp(-0.5 * ((e - 6) / 10) ** 2) for e in range(1, EPOCHS + 1)], dtype=torch.float64)
        return w / w.sum()


def rate(e):
    return 1e-5 if e == 0 else LR * (1 + math.cos(math.pi * (e - 1) / EPOCHS)) / 2


def train(method, remedy):
    p = {k: v.clone().float().double().requires_grad_() for k, v in method.params.items()}
    velocity = {k: torch.zeros_like(v) for k, v in p.items()}
    average = {k: torch.zeros_like(v) for k, v in p.items()}
    losses = []
    for e in range(EPOCHS):
        logits = method.logits(p)
        loss = method.t.remedied(remedy, logits) + method.extra(p, logits)
        grads = torch.autograd.grad(loss, list(p.values()), retain_graph=True)
        if isinstance(method, ProGrad):
            general = torch.autograd.grad(method.distill(logits), list(p.values()))
            steer = lambda d, g: d if (d * g).sum() >= 0 else d - (d * g / g.norm()).sum() * g / g.norm()
            grads = [steer(d, g) for d, g in zip(grads, general)]
        losses.append(loss.item())
        with torch.no_grad():
            for (k, v), g in zip(p.items(), grads):
                velocity[k] = 0.9 * velocity[k] + g + DECAY * v
                v -= rate(e) * velocity[k]
                if isinstance(method, PromptSRC):
                    average[k] += method.weights()[e] * v
    p = {k: v.detach() for k, v in (average if isinstance(method, PromptSRC) else p).items()}
    return losses, p, method.logits(p)


def methods():
    t = Task()
    out = {"frozen": t.frozen}
    cases = {"coop": CoOp(t, "coop"), "coop-phrase": CoOp(t, "", 4, t.words),
             "coop-csc": CoOp(t, "csc", 3, per_class=True),
             "kgcoop": KgCoOp(t), "prograd": ProGrad(t), "cocoop": CoCoOp(t), "maple": MaPLe(t), "promptsrc": PromptSRC(t)}
    for name, method in cases.items():
        for remedy in ["none"] if "-" in name else ["none", "zs-norm", "penalty"]:
            losses, p, logits = train(method, remedy)
            key = f"{name}.{remedy}."
            out[key + "losses"], out[key + "logits"] = torch.tensor(losses, dtype=torch.float64), logits
            print(f"{key:22}", " ".join(f"{x:.4f}" for x in losses))
            keep = lambda k: remedy == "none" or "proj" not in k
            out |= {key + k: v for k, v in p.items() if keep(k)}
    half = seeded.uniform("init.coop", (4, 32), 0.1).half().double()  # what make_dassl.py saves
    out["dassl.logits"] = CoOp(t, "", 4, half).logits({"prompt_learner.ctx": half})
    save_file({k: v.detach().float().contiguous() for k, v in out.items()}, "golden_methods.safetensors")


def trie():
    """Features and gradients of 1,000 prompts with random contexts and deep prompts."""
    m = seeded.small()
    with open("../../../internal/imagenet/classes.txt", encoding="utf-8") as f:
        names = [line.split(" ", 1)[1] for line in f.read().splitlines()]
    tokens = open_clip.tokenize([f"X X X X {n.replace('_', ' ')}." for n in names])
    ctx, d1, d2 = (noise(f"trie.{i}", 4, 32, scale=0.3).requires_grad_() for i in range(3))
    f = seeded.text_features(m, tokens, ctx, [d1, d2])
    dy = seeded.uniform("trie.dy", tuple(f.shape), 1).double()
    grads = torch.autograd.grad(f, (ctx, d1, d2), dy)
    out = {"features": f, "dctx": grads[0], "ddeep1": grads[1], "ddeep2": grads[2]}
    save_file({k: v.detach().float().contiguous() for k, v in out.items()}, "golden_trie.safetensors")
    print("padded tokens", tokens.numel(), "unpadded", int((tokens.argmax(-1) + 1).sum()))


if __name__ == "__main__":
    os.chdir(os.path.dirname(os.path.abspath(sys.argv[0])))
    torch.manual_seed(0)
    methods()
    trie()
    print("torch", torch.__version__, "open_clip", open_clip.__version__)

"""Writes golden.safetensors: what PyTorch makes of test-time prompt tuning.

    python make_golden.py

A re-statement of TPT and the methods after it, with the text tower over padded
prompts of 77 tokens, gradients by autograd and torch.optim.AdamW, in float64.
Weights and views are values of a hash, which the test computes too, so that
neither need be stored. Made with torch 2.15.0, open_clip_torch 3.3.0 (for the
tokenizer) and safetensors 0.8.0.
"""

import itertools
import math
import os

import numpy as np
import torch
import torch.nn.functional as F
from open_clip.tokenizer import SimpleTokenizer
from safetensors.torch import save_file

torch.set_default_dtype(torch.float64)

CONTEXT, VOCAB = 77, 49408
SIZE, PATCH, VW, VL = 16, 8, 16, 2  # image, patch, vision width and layers
TW, TL, DIM = 16, 3, 12  # text width and layers, embedding
HEADS = {"visual.": 2, "": 2}
VIEWS, KEEP, IMAGES = 64, 0.1, 10
SCALE = 100.0
CLASSES = ["tench", "great white shark", "St.", "jack-o'-lantern", "Zürich", "cock", "737-200",
           "yellow lady's slipper", "electric ray", "café", "2012 Tesla Model S", "hen"]


def values(seed, count):
    """count values in [-1, 1) of SplitMix64's finaliser, 24 bits each."""
    with np.errstate(over="ignore"):
        x = np.arange(1, count + 1, dtype=np.uint64) + np.uint64(seed << 40)
        x = x * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = x ^ (x >> np.uint64(31))
    return (x >> np.uint64(40)).astype(np.float64) / (1 << 23) - 1


def tower_shapes(prefix, width, layers):
    for i in range(layers):
        p = f"{prefix}.resblocks.{i}."
        yield p + "attn.in_proj_weight", (3 * width, width)
        yield p + "attn.in_proj_bias", (3 * width,)
        yield p + "attn.out_proj.weight", (width, width)
        yield p + "attn.out_proj.bias", (width,)
        yield p + "ln_1.weight", (width,)
        yield p + "ln_1.bias", (width,)
        yield p + "mlp.c_fc.weight", (4 * width, width)
        yield p + "mlp.c_fc.bias", (4 * width,)
        yield p + "mlp.c_proj.weight", (width, 4 * width)
        yield p + "mlp.c_proj.bias", (width,)
        yield p + "ln_2.weight", (width,)
        yield p + "ln_2.bias", (width,)


def shapes():
    return dict([
        ("positional_embedding", (CONTEXT, TW)),
        ("text_projection", (TW, DIM)),
        ("logit_scale", ()),
        ("visual.class_embedding", (VW,)),
        ("visual.positional_embedding", ((SIZE // PATCH) ** 2 + 1, VW)),
        ("visual.proj", (VW, DIM)),
        ("visual.conv1.weight", (VW, 3, PATCH, PATCH)),
        ("visual.ln_pre.weight", (VW,)),
        ("visual.ln_pre.bias", (VW,)),
        ("visual.ln_post.weight", (VW,)),
        ("visual.ln_post.bias", (VW,)),
        ("token_embedding.weight", (VOCAB, TW)),
        ("ln_final.weight", (TW,)),
        ("ln_final.bias", (TW,)),
        *tower_shapes("visual.transformer", VW, VL),
        *tower_shapes("transformer", TW, TL),
    ])


def weights():
    """The parameters; the seed of each is its place in the sorted names."""
    out = {}
    for seed, (name, shape) in enumerate(sorted(shapes().items())):
        v = values(seed, math.prod(shape))
        if name == "logit_scale":
            v = np.array([math.log(SCALE)])
        elif ".ln_" in name or name.startswith("ln_"):
            v = v / 8 + (1 if name.endswith("weight") else 0)
        elif name.endswith("embedding") or name.endswith("embedding.weight"):
            v = v / 4
        elif len(shape) > 1:
            v = v * 2 / math.sqrt(math.prod(shape[1:]))
        else:
            v = v / 8
        out[name] = torch.from_numpy(v.astype(np.float32).astype(np.float64)).reshape(shape)
    return out


def block(w, tower, i, x, mask):
    n, width = x.shape[-2:]
    heads, p = HEADS[tower], f"{tower}transformer.resblocks.{i}."
    h = F.layer_norm(x, (width,), w[p + "ln_1.weight"], w[p + "ln_1.bias"], 1e-5)
    qkv = h @ w[p + "attn.in_proj_weight"].T + w[p + "attn.in_proj_bias"]
    q, k, v = (t.reshape(-1, n, heads, width // heads).transpose(1, 2) for t in qkv.chunk(3, -1))
    a = (q @ k.transpose(-1, -2) / math.sqrt(width // heads) + mask).softmax(-1) @ v
    x = x + a.transpose(1, 2).reshape(x.shape) @ w[p + "attn.out_proj.weight"].T + w[p + "attn.out_proj.bias"]
    h = F.layer_norm(x, (width,), w[p + "ln_2.weight"], w[p + "ln_2.bias"], 1e-5)
    h = h @ w[p + "mlp.c_fc.weight"].T + w[p + "mlp.c_fc.bias"]
    h = h * torch.sigmoid(1.702 * h)
    return x + h @ w[p + "mlp.c_proj.weight"].T + w[p + "mlp.c_proj.bias"]


def image_features(w, images):
    p = "visual."
    x = F.conv2d(images, w[p + "conv1.weight"], stride=PATCH).flatten(2).transpose(1, 2)
    cls = w[p + "class_embedding"].expand(len(x), 1, -1)
    x = torch.cat([cls, x], 1) + w[p + "positional_embedding"]
    x = F.layer_norm(x, (VW,), w[p + "ln_pre.weight"], w[p + "ln_pre.bias"], 1e-5)
    for i in range(VL):
        x = block(w, p, i, x, 0)
    x = F.layer_norm(x[:, 0], (VW,), w[p + "ln_post.weight"], w[p + "ln_post.bias"], 1e-5)
    return x @ w[p + "proj"]


def tokenise(classes):
    t = SimpleTokenizer()
    rows = torch.zeros(len(classes), CONTEXT, dtype=torch.long)
    for i, c in enumerate(classes):
        ids = [49406, *t.encode(f"a photo of a {c}."), 49407]
        rows[i, :len(ids)] = torch.tensor(ids)
    return rows


def text_features(w, tokens, context):
    x = w["token_embedding.weight"][tokens]
    x = torch.cat([x[:, :1], context.expand(len(x), -1, -1), x[:, 1 + len(context):]], 1)
    x = x + w["positional_embedding"]
    mask = torch.full((CONTEXT, CONTEXT), -math.inf).triu(1)
    for i in range(TL):
        x = block(w, "", i, x, mask)
    x = F.layer_norm(x, (TW,), w["ln_final.weight"], w["ln_final.bias"], 1e-5)
    return x[torch.arange(len(x)), tokens.argmax(-1)] @ w["text_projection"]


def views(i):
    """Image i: a picture, and views that differ from it by noise."""
    size = 3 * SIZE * SIZE
    x = 2 * values(1000 + i, size) + values(2000 + i, VIEWS * size).reshape(VIEWS, size)
    x[0] = 2 * values(1000 + i, size)
    return torch.from_numpy(x.astype(np.float32).astype(np.float64)).reshape(VIEWS, 3, SIZE, SIZE)


def marginal_entropy(l):
    logp = l.log_softmax(1)
    mean = logp.logsumexp(0) - math.log(len(l))
    return -(mean * mean.exp()).sum()


def zs_map(l, lo, hi):
    a, b = l.min(1, keepdim=True).values, l.max(1, keepdim=True).values
    return (hi - lo) / (b - a) * (l - a) + lo


def remedied(l, remedy, compat, zero_shot, ignore):
    reference = l[0] if compat == "clipcalib" else zero_shot
    lo, hi = reference.min(), reference.max()
    if remedy == "zs-norm" and not ignore:
        return marginal_entropy(zs_map(l, lo, hi))
    loss = marginal_entropy(l)
    if remedy == "penalty":
        loss = loss + 10 * (F.relu(l - hi).mean() + F.relu(lo - l).mean())
    return loss


def term(method, t):
    if method == "c-tpt":
        return -50 * (t - t.mean(0)).norm(dim=1).mean()
    if method == "o-tpt":  # as its released code: Householder reflections of the rows
        s, axes = t @ t.T, torch.eye(len(t))
        u = s - axes * s.norm(dim=1, keepdim=True)
        v = u / u.norm(dim=1, keepdim=True)
        reflected = s - 2 * v * (v * s).sum(1, keepdim=True)
        return 18 * (reflected - axes).norm(dim=1).mean()
    return 0


def tune(w, tokens, start, f, method, remedy, compat):
    context = start.clone().requires_grad_()
    opt = torch.optim.AdamW([context], lr=5e-3)
    logits = lambda f: SCALE * f @ F.normalize(text_features(w, tokens, context), dim=1).T
    l = logits(f)
    zero_shot = l[0].detach()
    entropy = -(l.softmax(1) * l.log_softmax(1)).sum(1)
    kept = entropy.argsort()[:int(KEEP * len(f))]
    gap = entropy.sort().values
    ignore = method == "c-tpt" and compat == "clipcalib"
    loss = remedied(l[kept], remedy, compat, zero_shot, ignore)
    loss = loss + term(method, F.normalize(text_features(w, tokens, context), dim=1))
    loss.backward()
    opt.step()
    with torch.no_grad():
        out = logits(f[:1])
        if remedy == "sals":
            out = zs_map(out, zero_shot.min(), zero_shot.max())
    return loss.detach(), kept, context.grad, context.detach(), out[0], zero_shot, gap[len(kept)] - gap[len(kept) - 1]


def main():
    w, tokens = weights(), tokenise(CLASSES)
    start = w["token_embedding.weight"][tokens[0, 1:5]]
    features = [F.normalize(image_features(w, views(i)), dim=1) for i in range(IMAGES)]
    out = {}
    plain, both = ["none", "sals"], ["zs-norm", "penalty"]
    cases = [(r, "textbook") for r in plain + both] + [(r, "clipcalib") for r in both]
    for method, (remedy, compat) in itertools.product(["tpt", "c-tpt", "o-tpt"], cases):
        rows = [tune(w, tokens, start, f, method, remedy, compat) for f in features]
        for name, column in zip(["loss", "kept", "gradient", "context", "logits", "zero_shot"], zip(*rows)):
            if name in ("kept", "zero_shot") and out.get(name) is not None:
                continue
            v = torch.stack(column).flatten(1) if column[0].dim() else torch.stack(column)
            key = name if name in ("kept", "zero_shot") else f"{method} {remedy} {compat} {name}"
            out[key] = v.to(torch.int32 if name == "kept" else torch.float32).contiguous()
        print(method, remedy, compat, "loss", [round(float(r[0]), 4) for r in rows][:4],
              "least entropy gap at the cut", min(float(r[6].detach()) for r in rows))
    here = os.path.dirname(os.path.abspath(__file__))
    save_file(out, os.path.join(here, "golden.safetensors"), metadata={
        "made by": f"make_golden.py with torch {torch.__version__}, numpy {np.__version__}"})


if __name__ == "__main__":
    main()

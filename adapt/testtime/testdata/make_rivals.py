"""Writes rivals.safetensors: A-TPT and SoC on ten pictures, and ten steps of FPP.

    python make_rivals.py

In float64, with the model, pictures and re-statement of TPT of make_golden.py.
Chance is a hash in FPP too, so that its vectors and noise need not be stored.
Made with torch 2.15.0 and safetensors 0.8.0.
"""

import os

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

import make_golden as g

STEPS, DRAWS = 10, 4


def angle(t, sign, weight):
    s = (t @ t.T).masked_fill(torch.eye(len(t), dtype=torch.bool), -2)
    return sign * weight * s.max(1).values.clamp(-0.99999, 0.99999).arccos().mean()


def orthogonal(t, weight, delta):
    s = (t @ t.T)[*torch.triu_indices(len(t), len(t), 1)]
    return weight * torch.where(s <= delta, s * s / 2, delta * (s - delta / 2)).mean()


TERMS = {"a-tpt maximise": lambda t: angle(t, -1, 10), "a-tpt minimise": lambda t: angle(t, 1, 80),
         "soc": lambda t: orthogonal(t, 20, 0.3)}


def hashed(seed, *shape):
    v = torch.from_numpy(g.values(seed, int(torch.tensor(shape).prod())))
    return v.float().double().reshape(shape)


def shifted(w, tokens, context, noise):
    """Text features with noise [positions, width] on the embeddings."""
    moved = dict(w, positional_embedding=w["positional_embedding"] + noise)
    return g.text_features(moved, tokens, context)


def fpp(w, tokens, start):
    with torch.no_grad():
        anchor = F.normalize(g.text_features(w, tokens, start), dim=1)
    weight = 1 + 15 / len(tokens)
    context = hashed(3000, 4, g.TW).mul(0.2).requires_grad_()
    opt = torch.optim.AdamW([context], lr=1e-2)
    rates = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=STEPS, eta_min=1e-4)
    losses = []
    for step in range(STEPS):
        t = F.normalize(g.text_features(w, tokens, context), dim=1)
        with torch.no_grad():
            noisy = []
            for d in range(DRAWS):
                noise = hashed(4000 + step * DRAWS + d, g.CONTEXT, g.TW) * 0.14
                noise[1:5] /= 2
                noisy.append(shifted(w, tokens, context, noise))
        near = torch.stack([F.cosine_similarity(t, x, dim=1).mean() for x in noisy]).mean()
        loss = ((t - anchor) ** 2).sum(1).mean() - weight * near
        losses.append(loss.item())
        opt.zero_grad()
        loss.backward()
        opt.step()
        rates.step()
    return torch.tensor(losses), context.detach()


def main():
    w, tokens = g.weights(), g.tokenise(g.CLASSES)
    start = w["token_embedding.weight"][tokens[0, 1:5]]
    out = {}
    losses, vectors = fpp(w, tokens, start)
    out["fpp losses"], out["fpp vectors"] = losses.reshape(1, -1), vectors
    print("fpp", losses.tolist())
    features = [F.normalize(g.image_features(w, g.views(i)), dim=1) for i in range(g.IMAGES)]
    for name, form in TERMS.items():
        g.term = lambda _, t, form=form: form(t)
        for remedy in ["none", "penalty"]:
            rows = [g.tune(w, tokens, start, f, name, remedy, "textbook") for f in features]
            for what, column in zip(["loss", "kept", "gradient", "context", "logits", "zero_shot"], zip(*rows)):
                v = torch.stack(column)
                key = what if what in ("kept", "zero_shot") else f"{name} {remedy} {what}"
                out[key] = (v.flatten(1) if v.dim() > 1 else v).to(torch.int32 if what == "kept" else torch.float32)
            print(name, remedy, [round(float(r[0]), 4) for r in rows][:4])
    here = os.path.dirname(os.path.abspath(__file__))
    save_file({k: v.to(v.dtype if v.dtype == torch.int32 else torch.float32).contiguous() for k, v in out.items()},
              os.path.join(here, "rivals.safetensors"), metadata={"made by": f"make_rivals.py with torch {torch.__version__}"})


if __name__ == "__main__":
    main()

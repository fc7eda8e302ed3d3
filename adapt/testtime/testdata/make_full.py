"""Writes full.safetensors: TPT on one image with towers of ViT-B/16's size.

    python make_full.py

The same re-statement as make_golden.py, in float64, with weights and views of
the same hash; some minutes and 8 GB. Made with torch 2.15.0.
"""

import os

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

import make_golden as g

g.SIZE, g.PATCH, g.VW, g.VL = 224, 16, 768, 12
g.TW, g.TL, g.DIM = 512, 12, 512
g.HEADS = {"visual.": 12, "": 8}
CLASSES, PIECE = 100, 20


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "../../../internal/imagenet/classes.txt"), encoding="utf-8") as f:
        classes = [line.split(" ", 1)[1] for line in f.read().splitlines()][:CLASSES]
    w, tokens = g.weights(), g.tokenise(classes)
    start = w["token_embedding.weight"][tokens[0, 1:5]]
    with torch.no_grad():
        f = torch.cat([g.image_features(w, v) for v in g.views(0).split(8)])
        f = F.normalize(f, dim=1)
        t = torch.cat([g.text_features(w, p, start) for p in tokens.split(PIECE)])
    print("views encoded", flush=True)
    # The loss as a function of the text features, then its gradient through the
    # text tower piece by piece: all classes at once would not fit.
    t.requires_grad_()
    logits = g.SCALE * f @ F.normalize(t, dim=1).T
    kept = (-(logits.softmax(1) * logits.log_softmax(1)).sum(1)).argsort()[:int(g.KEEP * g.VIEWS)]
    loss = g.marginal_entropy(logits[kept])
    loss.backward()
    context = start.clone().requires_grad_()
    opt = torch.optim.AdamW([context], lr=5e-3)
    for p, d in zip(tokens.split(PIECE), t.grad.split(PIECE)):
        g.text_features(w, p, context).backward(d)
    opt.step()
    with torch.no_grad():
        tuned = torch.cat([g.text_features(w, p, context) for p in tokens.split(PIECE)])
        out = g.SCALE * f[:1] @ F.normalize(tuned, dim=1).T
    print("loss", float(loss.detach()), "logits from", float(out.min()), "to", float(out.max()),
          "zero-shot from", float(logits[0].detach().min()), "to", float(logits[0].detach().max()))
    result = {"loss": loss.detach().reshape(1), "gradient": context.grad, "context": context, "logits": out, "zero_shot": logits[:1]}
    result = {k: v.detach().flatten().to(torch.float32).contiguous() for k, v in result.items()}
    result["kept"] = kept.to(torch.int32)
    save_file(result, os.path.join(here, "full.safetensors"), metadata={"made by": f"make_full.py with torch {torch.__version__}"})


if __name__ == "__main__":
    main()

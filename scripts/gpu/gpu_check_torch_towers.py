"""PyTorch's side of the units in gpu_check_torch.py that train through both towers."""

import gpu_check_model as clip
import torch
from gpu_check_torch_runs import Base, timed
from torch import nn
from torch.nn import functional as F

CONTEXTS, DEPTH = 2, 3  # of MaPLe
MAPLE_BATCH, PRETRAIN_BATCH = 4, 64  # as in internal/bench/both_towers.go


class MaPLe(Base):
    """Learned vectors in both towers, at the input and before the next blocks, those of
    the image tower linear images of those of the text tower; pictures in host memory."""

    def __init__(self, model, precision, a):
        super().__init__(model, precision, a)
        side, _, vision, layers, width, _ = clip.SIZES[model]
        self.towers_by = self.ways(self.tower(clip.Image), self.tower(clip.Text))
        depth, k = min(DEPTH, layers), a.classes
        self.text = [nn.Parameter(self.randn(CONTEXTS, width) * 0.02) for _ in range(depth)]
        self.coupling = [nn.Linear(width, vision, device=a.device, dtype=self.dtype) for _ in range(depth)]
        embedding = self.towers_by["torch eager"][1].token_embedding.weight
        self.first = embedding[torch.full((k, 1), 49406, device=a.device)]
        self.rest = embedding[torch.randint(49000, (k, clip.TEXT_LENGTH - 1 - CONTEXTS), device=a.device)]
        self.end = 4 + torch.randint(3, 8, (k,), device=a.device)  # behind "a photo of a" and a name
        self.pictures = torch.randn(MAPLE_BATCH, 3, side, side, pin_memory=a.device == "cuda")
        self.labels = torch.randint(k, (MAPLE_BATCH,), device=a.device)
        trained = [*self.text, *(p for c in self.coupling for p in c.parameters())]
        self.optimizer = torch.optim.SGD(trained, lr=0.0026, momentum=0.9, weight_decay=5e-4)

    def step(self, image, text):
        vision = [c(t) for c, t in zip(self.coupling, self.text)]
        pictures = self.pictures.to(self.a.device, non_blocking=True).to(self.dtype)
        x = F.normalize(image(pictures, vision[0], tuple(vision[1:])), dim=-1)
        prompts = torch.cat([self.first, self.text[0].expand(self.a.classes, -1, -1), self.rest], 1)
        t = F.normalize(text(prompts, self.end, tuple(self.text[1:])), dim=-1)
        loss = F.cross_entropy(100.0 * x @ t.t(), self.labels)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    def round(self):
        for by, towers in self.towers_by.items():
            yield self.figure("maple", MAPLE_BATCH, 1 / timed(lambda: self.step(*towers), self.a), by)


class Pretrain(Base):
    """A contrastive step of both towers with AdamW, pictures as bytes in host memory,
    captions padded to 77 tokens."""

    def __init__(self, model, precision, a):
        super().__init__(model, precision, a)
        side, n = clip.SIZES[model][0], PRETRAIN_BATCH
        towers = self.tower(clip.Image), self.tower(clip.Text)
        self.scale = nn.Parameter(torch.tensor(2.66, device=a.device))
        parameters = [p.requires_grad_() for t in towers for p in t.parameters()]
        self.towers_by, self.embed = self.ways(*towers), towers[1].token_embedding
        self.pictures = torch.randint(256, (n, 3, side, side), dtype=torch.uint8, pin_memory=a.device == "cuda")
        self.tokens = torch.randint(49000, (n, clip.TEXT_LENGTH), device=a.device)
        self.end = torch.randint(6, 12, (n,), device=a.device)
        self.labels = torch.arange(n, device=a.device)
        self.optimizer = torch.optim.AdamW([*parameters, self.scale], lr=1e-6, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.1,
                                           fused=a.device == "cuda")

    def step(self, image, text):
        pictures = self.pictures.to(self.a.device, non_blocking=True).to(self.dtype) / 64 - 2
        x, t = F.normalize(image(pictures), dim=-1), F.normalize(text(self.embed(self.tokens), self.end), dim=-1)
        logits = self.scale.exp() * x @ t.t()
        loss = (F.cross_entropy(logits, self.labels) + F.cross_entropy(logits.t(), self.labels)) / 2
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        with torch.no_grad():
            self.scale.clamp_(max=4.6052)

    def round(self):
        for by, towers in self.towers_by.items():
            yield self.figure("pretrain", PRETRAIN_BATCH, 1 / timed(lambda: self.step(*towers), self.a), by)


RUNS = {"maple": MaPLe, "pretrain": Pretrain}

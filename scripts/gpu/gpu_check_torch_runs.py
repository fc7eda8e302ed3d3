"""PyTorch's side of the race in gpu_check_torch.py: one class a unit, whose
round() yields figures."""

import statistics
import time

import gpu_check_model as clip
import torch
import torch._dynamo
from torch.nn import functional as F


def wait(device):
    if device == "cuda":
        torch.cuda.synchronize()


def timed(run, a):
    """Seconds of a run: the median of groups, of which five fill the budget."""
    def group(n):
        begun = time.perf_counter()
        for _ in range(n):
            run()
        wait(a.device)
        return (time.perf_counter() - begun) / n

    group(2)
    n = max(1, int(a.budget / 5 / group(1)))
    n = max(1, int(a.budget / 5 / group(n)))
    return statistics.median(group(n) for _ in range(5 if n > 1 else 3))


class Base:
    def __init__(self, model, precision, a):
        torch.manual_seed(1)
        self.a, self.size = a, model
        self.dtype = clip.set_precision(precision)

    def tower(self, kind):
        return clip.random_tower(kind(self.size), self.a.device, self.dtype)

    def ways(self, *towers):
        """Towers as they are and compiled, by the name of each way."""
        out = {"torch eager": towers}
        if not self.a.no_compile:
            torch._dynamo.reset()  # else the units before count towards the limit of recompilations
            out["torch compile"] = tuple(torch.compile(t, dynamic=False, backend=self.a.backend) for t in towers)
        return out

    def randn(self, *shape):
        return torch.randn(*shape, device=self.a.device, dtype=self.dtype)

    def figure(self, what, batch, rate, by="torch eager"):
        return dict(what=what, batch=batch, rate=rate, by=by)


class Encode(Base):
    compiler, mode = "torch compile", None

    def __init__(self, model, precision, a):
        super().__init__(model, precision, a)
        self.eager = self.tower(clip.Image)
        side = clip.SIZES[model][0]
        self.mean = torch.tensor([122.77, 116.75, 104.09], device=a.device, dtype=self.dtype)[:, None, None]
        self.scale = torch.tensor([0.0146, 0.0150, 0.0142], device=a.device, dtype=self.dtype)[:, None, None]
        self.inputs, self.host, self.compiled = {}, {}, {}
        torch._dynamo.reset()  # else the units before count towards the limit of recompilations
        for batch in a.batches:
            self.inputs[batch] = self.randn(batch, 3, side, side)
            self.host[batch] = torch.randint(256, (batch, 3, side, side), dtype=torch.uint8, pin_memory=a.device == "cuda")
            if not a.no_compile:
                self.compiled[batch] = torch.compile(self.eager, dynamic=False, backend=a.backend, mode=self.mode)
                with torch.inference_mode():
                    self.compiled[batch](self.inputs[batch])
        wait(a.device)

    def end_to_end(self, batch):
        """Eight batches, so that the device works on one while the next comes."""
        def one():
            x = self.host[batch].to(self.a.device, non_blocking=True).to(self.dtype)
            return self.eager((x - self.mean) * self.scale).float()
        for y in [one() for _ in range(8)]:
            y.cpu()

    def peak(self):
        """TFLOP/s of a large product, beside ours."""
        n = 8192 if self.a.device == "cuda" else 256
        x, y = self.randn(n, n), self.randn(n, n)
        return 2 * n**3 / timed(lambda: x @ y, self.a) / 1e12

    def round(self):
        with torch.inference_mode():
            yield self.figure("peak", 0, self.peak(), "torch")
            for batch, x in self.inputs.items():
                yield self.figure("encode", batch, batch / timed(lambda: self.eager(x), self.a))
                if batch in self.compiled:
                    f = self.compiled[batch]
                    yield self.figure("encode", batch, batch / timed(lambda: f(x), self.a), self.compiler)
                yield self.figure("encode end to end", batch, 8 * batch / timed(lambda: self.end_to_end(batch), self.a))


class Autotuned(Encode):
    compiler, mode = "torch max-autotune", "max-autotune-no-cudagraphs"


class Prompts(Base):
    """Class prompts padded to 77 tokens with learned vectors after the first."""

    def __init__(self, model, precision, a, contexts):
        super().__init__(model, precision, a)
        self.text = self.tower(clip.Text)
        self.texts_by = self.ways(self.text)
        width, dim, k = clip.SIZES[model][4], clip.SIZES[model][5], a.classes
        self.scale = 100.0
        self.context = self.randn(contexts, width).mul_(0.02).requires_grad_()
        self.first = self.text.token_embedding.weight[torch.full((k, 1), 49406, device=a.device)]
        self.rest = self.text.token_embedding.weight[torch.randint(49000, (k, clip.TEXT_LENGTH - 1 - contexts), device=a.device)]
        self.end = contexts + torch.randint(3, 8, (k,), device=a.device)  # names of one to five tokens and a full stop
        self.features = F.normalize(self.randn(32, dim), dim=-1)

    def texts(self, tower):
        x = torch.cat([self.first, self.context.expand(self.a.classes, -1, -1), self.rest], 1)
        return F.normalize(tower(x, self.end), dim=-1)


class CoOp(Prompts):
    def __init__(self, model, precision, a):
        super().__init__(model, precision, a, 16)
        self.labels = torch.randint(a.classes, (32,), device=a.device)
        self.optimizer = torch.optim.SGD([self.context], lr=0.002, momentum=0.9, weight_decay=5e-4)

    def step(self, text):
        loss = F.cross_entropy(self.scale * self.features @ self.texts(text).t(), self.labels)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    def round(self):
        for by, towers in self.texts_by.items():
            yield self.figure("coop", 32, 1 / timed(lambda: self.step(*towers), self.a), by)


class TPT(Prompts):
    def __init__(self, model, precision, a):
        super().__init__(model, precision, a, 4)
        self.towers_by = self.ways(self.tower(clip.Image), self.text)
        side = clip.SIZES[model][0]
        self.views = torch.randn(a.views, 3, side, side, pin_memory=a.device == "cuda")
        self.start = self.context.detach().clone()

    def tune(self, image, text):
        with torch.no_grad():
            self.context.copy_(self.start)
            views = image(self.views.to(self.a.device, non_blocking=True).to(self.dtype))
            views = F.normalize(views, dim=-1)
        optimizer = torch.optim.AdamW([self.context], lr=0.005)
        logits = (self.scale * views @ self.texts(text).t()).float()
        entropy = -(logits.softmax(1) * logits.log_softmax(1)).sum(1)
        kept = logits[entropy.argsort()[: max(1, self.a.views // 10)]].log_softmax(1)
        mean = kept.logsumexp(0) - torch.log(torch.tensor(float(kept.shape[0])))
        loss = -(mean * mean.exp()).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            return (self.scale * views[:1] @ self.texts(text).t()).float().cpu()  # the prediction is looked at

    def round(self):
        for by, towers in self.towers_by.items():
            yield self.figure("tpt", 1, 1 / timed(lambda: self.tune(*towers), self.a), by)


class TaskRes(Base):
    """The whole training, from features in host memory to the last step."""

    def __init__(self, model, precision, a):
        super().__init__(model, precision, a)
        self.width, self.classes = 512, 1000
        self.host = torch.randn(a.bank, self.width)
        self.text_host = torch.randn(self.classes, self.width)
        self.labels_host = torch.arange(a.bank) % self.classes
        self.train(1)  # warms up

    def train(self, epochs):
        a = self.a
        features, text, labels = (t.to(a.device) for t in (self.host, self.text_host, self.labels_host))
        features = F.normalize(features, dim=-1)
        residual = torch.zeros(self.classes, self.width, device=a.device, requires_grad=True)
        optimizer = torch.optim.SGD([residual], lr=0.1, momentum=0.9)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
        for _ in range(epochs):
            order = torch.randperm(a.bank, device=a.device)
            for rows in order[: a.bank // a.bank_batch * a.bank_batch].split(a.bank_batch):
                logits = 100 * features[rows] @ F.normalize(text + 0.5 * residual, dim=-1).t()
                loss = F.cross_entropy(logits, labels[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            schedule.step()
        if not torch.isfinite(loss).item():
            raise RuntimeError("TaskRes: the loss is not finite")
        return residual.detach().cpu()

    def round(self):
        begun = time.perf_counter()
        self.train(self.a.epochs)
        yield self.figure("taskres", self.a.bank_batch, 1 / (time.perf_counter() - begun))


RUNS = {"encode": Encode, "autotuned": Autotuned, "coop": CoOp, "tpt": TPT, "taskres": TaskRes}

"""Writes model.pth.tar-10, a checkpoint as Dassl saves CoOp's prompt learner,
half precision, buffers and the states of optimiser and schedule included.

Checked with torch 2.15.
Run in this folder:  python make_dassl.py

The warm-up scheduler has the attributes of dassl/optim/lr_scheduler.py, so the
pickle refers to classes of torch.optim as real files do.
"""

import os
import sys
import types

import torch

import seeded

dassl = types.ModuleType("dassl.optim.lr_scheduler")
for name in ("dassl", "dassl.optim", "dassl.optim.lr_scheduler"):
    sys.modules[name] = dassl


class ConstantWarmupScheduler(torch.optim.lr_scheduler.LRScheduler):
    def __init__(self, optimizer, successor, warmup_epoch, cons_lr):
        self.successor, self.warmup_epoch, self.cons_lr, self.verbose = successor, warmup_epoch, cons_lr, False
        super().__init__(optimizer, -1)

    def get_lr(self):
        return self.successor.get_last_lr() if self.last_epoch >= self.warmup_epoch else [self.cons_lr] * len(self.base_lrs)


ConstantWarmupScheduler.__module__ = dassl.__name__
dassl.ConstantWarmupScheduler = ConstantWarmupScheduler


def main():
    ctx = torch.nn.Parameter(seeded.uniform("init.coop", (4, 32), 0.1).half())
    optimizer = torch.optim.SGD([ctx], lr=0.002, momentum=0.9, weight_decay=5e-4)
    scheduler = ConstantWarmupScheduler(optimizer, torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 50), 1, 1e-5)
    ctx.sum().backward()
    with torch.no_grad():
        kept = ctx.clone()
    optimizer.step()
    state = {"ctx": kept, "token_prefix": torch.zeros(7, 1, 32).half(), "token_suffix": torch.zeros(7, 8, 32).half()}
    schedule = {k: v for k, v in scheduler.state_dict().items() if k != "_get_lr_called_within_step"}
    torch.save({"state_dict": state, "epoch": 10, "optimizer": optimizer.state_dict(), "scheduler": schedule, "val_result": None},
               "model.pth.tar-10")


if __name__ == "__main__":
    os.chdir(os.path.dirname(os.path.abspath(sys.argv[0])))
    main()

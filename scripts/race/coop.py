"""Times a training step of CoOp, text tower forward and backward, here and in
PyTorch, alternated in one run on the same number of threads in float32.

    python scripts/race/coop.py                    # the whole race, some ten minutes
    python scripts/race/coop.py --classes 100 1000 --rounds 2

Both sides run a text tower of ViT-B/16's size (width 512, 12 blocks, 8 heads)
with random weights, 16 context vectors and ImageNet's class names. Ours is
BenchmarkCoOpStep of adapt/prompt: a whole step over the token trie, loss and
update included. PyTorch's is open_clip's text transformer on prompts padded to
77 tokens, as CoOp's release and all that followed compute it: forward, and
backward to the context vectors, the weights being frozen.

A PyTorch step over 1,000 classes keeps some 30 GB for its backward pass, so it
is timed in pieces of 50 classes with the gradient of the text features given.
The sum of the pieces is a lower bound of the step: done so, a real one would
need another forward pass to know that gradient. Time is proportional to the
number of pieces. Figures are medians over the rounds, of the time on the clock
and of the processor's; where other programs share the machine, the second is
the one to go by.
"""

import sys
import tempfile

from text import PIECE, TEXT, Benchmark, middle, names, now, options, since, table


class PyTorch:
    """Forward and backward of one piece of PIECE classes."""

    def __init__(self, threads, length):
        import open_clip
        import torch
        from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg

        torch.set_num_threads(threads)
        torch.manual_seed(0)
        self.torch, self.length = torch, length
        self.model = CLIP(512, CLIPVisionCfg(layers=1, width=64, patch_size=32, image_size=32),
                          CLIPTextCfg(**TEXT), quick_gelu=True).eval().requires_grad_(False)
        self.ctx = torch.nn.Parameter(0.02 * torch.randn(16, 512))
        tokens = open_clip.tokenize([" ".join(["X"] * 16) + f" {n}." for n in names()])[:PIECE]
        self.longest = int(tokens.argmax(-1).max()) + 1
        self.tokens = tokens[:, :length]
        self.upstream = torch.randn(PIECE, 512)

    def step(self):
        torch, m = self.torch, self.model
        start = now()
        x = m.token_embedding(self.tokens)
        x = torch.cat([x[:, :1], self.ctx.expand(PIECE, -1, -1), x[:, 17:]], 1) + m.positional_embedding[:self.length]
        x = m.transformer(x, attn_mask=m.attn_mask[:self.length, :self.length])
        x = m.ln_final(x)[torch.arange(PIECE), self.tokens.argmax(-1)] @ m.text_projection
        x.backward(self.upstream)
        self.ctx.grad = None
        return since(start)

    def __str__(self):
        return f"PyTorch {self.torch.__version__}, {self.length} tokens a class"


def main():
    p = options(__doc__)
    p.add_argument("--length", type=int, default=77, help="tokens a class in PyTorch")
    a = p.parse_args()
    torch = PyTorch(a.threads, a.length)
    if a.length < torch.longest:
        sys.exit(f"the longest prompt has {torch.longest} tokens, --length {a.length} cuts it")
    print(f"{torch}; {a.threads} threads, float32; times in seconds")
    with tempfile.TemporaryDirectory() as folder:
        ours = Benchmark("adapt/prompt", "CoOpStep", a, folder)
        torch.step()
        pieces, steps, nodes = [], {k: [] for k in a.classes}, {}
        for _ in range(a.rounds):
            for k in a.classes:
                pieces.append(torch.step())
                t, figures = ours.run(k)
                steps[k].append(t)
                nodes[k] = int(figures["nodes"])
                print(f"  {PIECE} classes in PyTorch {pieces[-1][0]:8.2f}   {k} classes here {t[0]:8.2f}", file=sys.stderr, flush=True)
    table("classes  nodes  padded", [
        (f"{k:7} {nodes[k]:6} {k * a.length:7}", [middle(steps[k], i) for i in range(2)],
         [middle(pieces, i) * k / PIECE for i in range(2)]) for k in a.classes])


if __name__ == "__main__":
    main()

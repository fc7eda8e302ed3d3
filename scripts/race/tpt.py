"""Times one image of test-time prompt tuning, end to end, here and in PyTorch,
alternated in one run on the same number of threads in float32.

    python scripts/race/tpt.py                           # the whole race
    python scripts/race/tpt.py --classes 1000 --rounds 2

Both sides take a picture of 500 x 375 pixels, make 64 views of it, encode them
with an image tower of ViT-B/16's size, tune four context vectors through a text
tower of ViT-B/16's size over ImageNet's class names, and classify the picture
with the tuned prompt. Weights are random. Ours is BenchmarkTune of
adapt/testtime. PyTorch's is TPT as released: torchvision's views, open_clip's
towers, prompts padded to 77 tokens, a forward and a backward pass at the
starting prompt and a forward pass at the tuned one.

Over 1,000 classes a backward pass of PyTorch keeps some 25 GB, so text is timed
in pieces of 50 classes with the gradient of the text features given; its time
is proportional to their number. Figures are medians over the rounds, of the
time on the clock and of the processor's; where other programs share the
machine, the second is the one to go by.
"""

import sys
import tempfile

from text import PIECE, TEXT, Benchmark, middle, names, now, options, since, table

VIEWS, BATCH = 64, 32


class PyTorch:
    """An image's views and their features, and one piece of PIECE classes."""

    def __init__(self, threads):
        import open_clip
        import torch
        from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg
        from PIL import Image
        from torchvision import transforms as T

        torch.set_num_threads(threads)
        torch.manual_seed(0)
        self.torch = torch
        self.model = CLIP(512, CLIPVisionCfg(layers=12, width=768, patch_size=16, image_size=224),
                          CLIPTextCfg(**TEXT), quick_gelu=True).eval().requires_grad_(False)
        self.tokens = open_clip.tokenize([f"a photo of a {n}." for n in names()[:PIECE]])
        self.ctx = torch.nn.Parameter(self.model.token_embedding(self.tokens[0, 1:5]))
        self.upstream = torch.randn(PIECE, 512)
        self.picture = Image.effect_noise((500, 375), 50).convert("RGB")
        last = [T.ToTensor(), T.Normalize((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))]
        self.plain = T.Compose([T.Resize(224, T.InterpolationMode.BICUBIC), T.CenterCrop(224), *last])
        self.view = T.Compose([T.RandomResizedCrop(224), T.RandomHorizontalFlip(), *last])

    def images(self):
        """Seconds for the views of one picture and their features."""
        start = now()
        x = self.torch.stack([self.plain(self.picture)] + [self.view(self.picture) for _ in range(VIEWS - 1)])
        with self.torch.no_grad():
            for part in x.split(BATCH):
                self.model.encode_image(part)
        return since(start)

    def encode(self):
        m, torch = self.model, self.torch
        x = m.token_embedding(self.tokens)
        x = torch.cat([x[:, :1], self.ctx.expand(PIECE, -1, -1), x[:, 5:]], 1) + m.positional_embedding
        x = m.transformer(x, attn_mask=m.attn_mask)
        return m.ln_final(x)[torch.arange(PIECE), self.tokens.argmax(-1)] @ m.text_projection

    def texts(self):
        """Seconds for a piece: forward, backward, forward."""
        start = now()
        self.encode().backward(self.upstream)
        self.ctx.grad = None
        with self.torch.no_grad():
            self.encode()
        return since(start)


def main():
    a = options(__doc__).parse_args()
    torch = PyTorch(a.threads)
    print(f"PyTorch {torch.torch.__version__}; {a.threads} threads, float32; times in seconds")
    with tempfile.TemporaryDirectory() as folder:
        ours = Benchmark("adapt/testtime", "Tune", a, folder)
        torch.texts()
        images, pieces, steps = [], [], {k: [] for k in a.classes}
        for _ in range(a.rounds):
            for k in a.classes:
                images.append(torch.images())
                pieces.append(torch.texts())
                steps[k].append(ours.run(k)[0])
                print(f"  PyTorch: views {images[-1][0]:.2f}, {PIECE} classes {pieces[-1][0]:.2f}   {k} classes here {steps[k][-1][0]:.2f}",
                      file=sys.stderr, flush=True)
    print(f"PyTorch: processor time {middle(images, 1):.2f} for the views, {middle(pieces, 1):.2f} for {PIECE} classes")
    table("classes  padded", [
        (f"{k:7} {k * 77:7}", [middle(steps[k], i) for i in range(2)],
         [middle(images, i) + middle(pieces, i) * k / PIECE for i in range(2)]) for k in a.classes])


if __name__ == "__main__":
    main()

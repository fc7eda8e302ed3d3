"""CLIP's towers in PyTorch as gpu_check_*.py measure and check them: OpenAI's
parameter names, fused attention (scaled_dot_product_attention), QuickGELU."""

import json
import struct

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

TEXT_LENGTH, VOCABULARY = 77, 49408
SIZES = {  # image, patch, width, layers, text width, embedding
    "ViT-B/32": (224, 32, 768, 12, 512, 512),
    "ViT-B/16": (224, 16, 768, 12, 512, 512),
    "ViT-L/14": (224, 14, 1024, 24, 768, 768),
    "tiny": (32, 16, 64, 2, 64, 64),
}
PRECISIONS = ("fp32", "tf32", "bf16", "fp16")


def set_precision(precision):
    """Sets what float32 products are multiplied in; returns the tensors' type."""
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    return {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision, torch.float32)


class Attention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.heads = width // 64
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * width))
        self.out_proj = nn.Linear(width, width)

    def forward(self, x, causal):
        b, t, w = x.shape
        qkv = F.linear(x, self.in_proj_weight, self.in_proj_bias).view(b, t, 3, self.heads, 64).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2], is_causal=causal)
        return self.out_proj(y.transpose(1, 2).reshape(b, t, w))


class QuickGELU(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(1.702 * x)


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = Attention(width)
        self.mlp = nn.Sequential()
        self.mlp.add_module("c_fc", nn.Linear(width, 4 * width))
        self.mlp.add_module("gelu", QuickGELU())
        self.mlp.add_module("c_proj", nn.Linear(4 * width, width))

    def forward(self, x, causal):
        x = x + self.attn(self.ln_1(x), causal)
        return x + self.mlp(self.ln_2(x))


class Transformer(nn.Module):
    def __init__(self, width, layers):
        super().__init__()
        self.resblocks = nn.ModuleList(Block(width) for _ in range(layers))

    def forward(self, x, causal, deep=(), at=0):
        """deep: learned vectors [n, width] that replace the rows from at on before
        the second block and the next ones."""
        for i, block in enumerate(self.resblocks):
            if 0 < i <= len(deep):
                vectors = deep[i - 1]
                after = x[:, at + vectors.shape[0] :]
                x = torch.cat([x[:, :at], vectors.expand(x.shape[0], -1, -1), after], 1)
            x = block(x, causal)
        return x


class Image(nn.Module):
    def __init__(self, size):
        super().__init__()
        side, patch, width, layers, _, dim = SIZES[size]
        self.conv1 = nn.Conv2d(3, width, patch, patch, bias=False)
        self.class_embedding = nn.Parameter(torch.empty(width))
        self.positional_embedding = nn.Parameter(torch.empty((side // patch) ** 2 + 1, width))
        self.ln_pre, self.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
        self.transformer = Transformer(width, layers)
        self.proj = nn.Parameter(torch.empty(width, dim))

    def forward(self, x, vectors=None, deep=()):
        """vectors [n, width] stand behind the tokens, those of deep before later blocks."""
        x = self.conv1(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_embedding.expand(x.shape[0], 1, -1), x], 1) + self.positional_embedding
        tokens = x.shape[1]
        if vectors is not None:
            x = torch.cat([x, vectors.expand(x.shape[0], -1, -1)], 1)
        x = self.transformer(self.ln_pre(x), False, deep, tokens)
        return self.ln_post(x[:, 0]) @ self.proj


class Text(nn.Module):
    """From token embeddings, so that learned vectors can stand among them."""

    def __init__(self, size):
        super().__init__()
        layers, width, dim = min(12, SIZES[size][3]), SIZES[size][4], SIZES[size][5]
        self.token_embedding = nn.Embedding(VOCABULARY, width)
        self.positional_embedding = nn.Parameter(torch.empty(TEXT_LENGTH, width))
        self.transformer = Transformer(width, layers)
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.empty(width, dim))

    def forward(self, x, end, deep=()):
        x = self.transformer(x + self.positional_embedding, True, deep, 1)
        return self.ln_final(x[torch.arange(x.shape[0], device=x.device), end]) @ self.text_projection


def random_tower(tower, device, dtype):
    """Fills a tower with weights like clipcalib bench's and freezes it."""
    tower = tower.to(device)
    for name, p in tower.named_parameters():
        p.requires_grad_(False)
        if "ln_" in name and name.endswith("weight"):
            p.fill_(1)
        else:
            p.uniform_(-0.0346, 0.0346)  # standard deviation 0.02
    return tower.to(dtype).eval()


def load_tower(tower, arrays, prefix=""):
    """Fills a tower from arrays by OpenAI's names."""
    names = {name for name, _ in tower.named_parameters()}
    tower.load_state_dict({n: torch.from_numpy(np.array(arrays[prefix + n])) for n in names})
    return tower.eval().requires_grad_(False)


def read_safetensors(path):
    """Maps the tensors of a file, float16 and float32."""
    with open(path, "rb") as f:
        header_size = struct.unpack("<Q", f.read(8))[0]
        header = json.loads(f.read(header_size))
    data = np.memmap(path, mode="r", offset=8 + header_size)
    kinds = {"F16": np.float16, "F32": np.float32}
    out = {}
    for name, t in header.items():
        if name != "__metadata__":
            begin, end = t["data_offsets"]
            out[name] = data[begin:end].view(kinds[t["dtype"]]).reshape(t["shape"])
    return out

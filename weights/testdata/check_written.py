#!/usr/bin/env python3
"""Reads files this package wrote with PyTorch's and safetensors' own readers.

    check_written.py FILE...

Prints one JSON object a file: for each tensor its type, shape and the bit
patterns of its values as float32. Used by TestPyTorchReadsWhatIsWritten.
"""

import json
import sys

import torch
from safetensors.torch import load_file


def read(path):
    if path.endswith(".safetensors"):
        return load_file(path), None
    state = torch.load(path, weights_only=True)
    return state, getattr(state, "metadata", None)


for path in sys.argv[1:]:
    state, metadata = read(path)
    tensors = {}
    for name, t in state.items():
        bits = t.contiguous().reshape(-1).to(torch.float32).view(torch.int32)
        tensors[name] = {"dtype": str(t.dtype).removeprefix("torch."), "shape": list(t.shape),
                         "bits": [x & 0xFFFFFFFF for x in bits.tolist()]}
    print(json.dumps({"tensors": tensors, "metadata": metadata}))

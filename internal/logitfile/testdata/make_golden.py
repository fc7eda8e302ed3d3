"""Writes the same logits and labels in the formats people keep them in.

    python make_golden.py            # writes beside this file

Made with Python 3.11, NumPy 2.4.6, pandas 3.1.1, PyTorch 2.15.0, pyarrow 26.0.1.
"""

import pathlib

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch

here = pathlib.Path(__file__).parent
z = np.array([[1.5, -2.25, 3.0], [0.1, 0.2, 0.3], [-7.5, 1e-3, 12.0], [4.0, 4.0, -4.0]])
y = np.array([2, 0, 1, 1])
names = ["logit_0", "logit_1", "logit_2"]

np.save(here / "c.npy", z)
np.save(here / "fortran.npy", np.asfortranarray(z))
np.save(here / "y.npy", y)
np.savez(here / "stored.npz", logits=z, labels=y)
np.savez_compressed(here / "packed.npz", logits=z, labels=y, features=z[:, :2])
frame = pd.DataFrame(z, columns=names).assign(label=y)
frame.to_csv(here / "named.csv", index=False)
frame.to_csv(here / "indexed.csv")
frame.assign(file=["a", "b", "c", "d"]).to_csv(here / "files.tsv", sep="\t", index=False)
pd.DataFrame(z).to_csv(here / "counted.csv", index=False)
pd.DataFrame(z).to_csv(here / "bare.csv", index=False, header=False)
pd.Series(y).to_csv(here / "y.csv")
torch.save(torch.tensor(z), here / "tensor.pt")
torch.save({"logits": torch.tensor(z), "labels": torch.tensor(y), "w": torch.zeros(5, 5)}, here / "dict.pt")
torch.save({"logits": torch.tensor(z.T.copy()).T, "labels": torch.tensor(y)}, here / "strided.pt")
frame.to_parquet(here / "columns.parquet")
table = pa.table({"logits": pa.array(z.tolist(), pa.list_(pa.float64())), "label": pa.array(y)})
pq.write_table(table, here / "lists.parquet", row_group_size=3)
holes = pa.table({"a": pa.array([1.0, None]), "b": pa.array([1.0, 2.0])})
pq.write_table(holes, here / "holes.parquet")

"""Writes small .npy files of every supported type, order and version.

    python make_golden.py            # writes *.npy beside this file

Each holds the values listed in npy_test.go. Made with NumPy 2.4.6.
"""

import pathlib

import numpy as np

here = pathlib.Path(__file__).parent
values = np.array([[0, 1, 2], [3, 100, 127]])

for name in ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "|i1", "|u1", "<i2", ">i2", "<u2", "<i4", ">i4",
             "<u4", "<i8", ">i8", "<u8"]:
    for order in "CF":
        file = here / f"{name.replace('<', 'l').replace('>', 'b').replace('|', '')}_{order}.npy"
        np.save(file, np.array(values.astype(name), order=order))

for version in [(1, 0), (2, 0), (3, 0)]:
    with open(here / f"version{version[0]}.npy", "wb") as f:
        np.lib.format.write_array(f, values.astype("<f4"), version=version)

np.save(here / "bool.npy", values.astype(bool))
np.save(here / "three_F.npy", np.asfortranarray(np.arange(24.0).reshape(2, 3, 4)))
np.save(here / "scalar.npy", np.float64(2.5))
np.save(here / "empty.npy", np.zeros((0, 3), "<f4"))
np.save(here / "half.npy", np.array([0.0, -0.0, 1.0, -2.5, 65504.0, 6e-8, 6.1e-5, np.inf, -np.inf, np.nan], "<f2"))
np.save(here / "complex.npy", np.zeros(2, complex))
np.save(here / "structured.npy", np.zeros(2, [("a", "<f4"), ("b", "<i8")]))
np.save(here / "object.npy", np.array([None, "x"], object), allow_pickle=True)
np.save(here / "float32_written_by_numpy.npy", np.array([[1.5, -2.0], [3.25, 4.0], [0.0, 1e-3]], "<f4"))

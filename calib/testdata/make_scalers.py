"""Writes scalers.json: what torch-uncertainty's and netcal's scalers make of the
cases of libraries.json, for the Go tests to agree with.

    python make_scalers.py            # reads libraries.json and writes scalers.json beside this file

Made with Python 3.11, NumPy 2.4.6, PyTorch 2.15.0, torch-uncertainty 0.13.0, netcal 1.4.0.
"""

import json
import logging
import pathlib
import sys
import types

import numpy as np
import torch
from scipy.special import softmax

torch.set_default_dtype(torch.float64)
logging.disable(logging.WARNING)
HERE = pathlib.Path(__file__).parent


def bare(*names):
    """Packages without their __init__, which import more than is needed here."""
    for name in names:
        module = types.ModuleType(name)
        module.__path__ = [str(pathlib.Path(np.__file__).parents[1] / name.replace(".", "/"))]
        sys.modules[name] = module


bare("torch_uncertainty", "torch_uncertainty.post_processing", "torch_uncertainty.post_processing.calibration")
from torch_uncertainty.post_processing.abstract import PostProcessing  # noqa: E402

sys.modules["torch_uncertainty.post_processing"].PostProcessing = PostProcessing
from torch_uncertainty.post_processing.calibration.histogram_binning import HistogramBinningScaler  # noqa: E402
from torch_uncertainty.post_processing.calibration.isotonic_regression import IsotonicRegressionScaler  # noqa: E402
from torch_uncertainty.post_processing.calibration.matrix_scaler import MatrixScaler  # noqa: E402
from torch_uncertainty.post_processing.calibration.temperature_scaler import TemperatureScaler  # noqa: E402


def torch_uncertainty(scaler, z, y, z2):
    """The probabilities; several fits in a row, each from where the last one stopped, for its optimiser stops early."""
    data = [(torch.tensor(z), torch.tensor(y))]
    for _ in range(60 if hasattr(scaler, "inv_temperature") else 1):
        scaler.fit(data, progress=False)
    return torch.softmax(scaler(torch.tensor(z2)), 1).detach().numpy()


def empty(z, y, z2, bins):
    """Which rows have a class whose bin no sample of the fit is in: libraries take other values for it."""
    p, p2 = softmax(z, 1), softmax(z2, 1)
    at, at2 = np.minimum((p * bins).astype(int), bins - 1), np.minimum((p2 * bins).astype(int), bins - 1)
    filled = [set(at[:, k]) for k in range(z.shape[1])]
    return [any(at2[i, k] not in filled[k] for k in range(z.shape[1])) for i in range(len(z2))]


def main():
    from netcal.scaling import TemperatureScaling
    out = []
    for case in json.loads((HERE / "libraries.json").read_text())["cases"]:
        n, k, fit = case["n"], case["k"], case["fit"]
        z, labels = np.array(case["logits"]).reshape(n, k), np.array(case["labels"])
        a, y, b = z[:fit], labels[:fit], z[fit:]
        made = {
            "temperature": torch_uncertainty(TemperatureScaler(lr=1, max_iter=1000), a, y, b),
            "matrix": torch_uncertainty(MatrixScaler(num_classes=k, lr=1, max_iter=1000), a, y, b),
            "isotonic": torch_uncertainty(IsotonicRegressionScaler(), a, y, b),
            "histogram": torch_uncertainty(HistogramBinningScaler(num_bins=15), a, y, b),
            "temperature netcal": TemperatureScaling().fit(softmax(a, 1), y, random_state=0).transform(softmax(b, 1)),
        }
        out.append({"name": case["name"], "scalers": {m: [round(float(x), 7) for x in p.ravel()] for m, p in made.items()},
                    "empty_bin": empty(a, y, b, 15)})
    (HERE / "scalers.json").write_text(json.dumps(out))


main()

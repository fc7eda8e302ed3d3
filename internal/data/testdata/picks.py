"""Writes picks_5.pkl and picks_2.pkl, draws as CoOp keeps them (a dictionary of lists
of Dassl's Datum, protocol 5 and 2), and picks_bad.pkl, which names another class.

    python picks.py

Written with Python 3.11.
"""
import pickle
import sys
import types

module = types.ModuleType("dassl.data.datasets.base_dataset")
for name in ["dassl", "dassl.data", "dassl.data.datasets", "dassl.data.datasets.base_dataset"]:
    sys.modules[name] = module


class Datum:
    def __init__(self, impath, label, classname):
        self._impath, self._label, self._domain, self._classname = impath, label, 0, classname


Datum.__module__, Datum.__qualname__ = module.__name__, "Datum"
module.Datum = Datum
root = "/home/someone/DATA/oxford_pets/images/"
draw = {"train": [Datum(root + "b.png", 1, "basset_hound"), Datum(root + "a.png", 0, "abyssinian"),
                  Datum(root + "b.png", 1, "basset_hound")],
        "val": [Datum(root + "c.png", 0, "abyssinian")]}
for protocol in (2, 5):
    with open(f"picks_{protocol}.pkl", "wb") as f:
        pickle.dump(draw, f, protocol=protocol)
with open("picks_bad.pkl", "wb") as f:
    pickle.dump({"train": [print]}, f, protocol=5)

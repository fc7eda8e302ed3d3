"""Writes plain.mat and packed.mat, as scipy writes what the data sets have: a row of
labels, a row of names in cells, a row of structs. Written with SciPy's savemat.

    python make_mat.py
"""
import numpy as np
from scipy.io import savemat

annotations = np.zeros((1, 3), dtype=[("bbox_x1", object), ("class", object), ("fname", object)])
for i, (cls, name) in enumerate([(14, "00001.jpg"), (3, "00002.jpg"), (300, "00003.jpg")]):
    annotations[0, i] = (39 + i, cls, name)
names = np.empty((1, 2), dtype=object)
names[0, :] = ["AM General Hummer SUV 2000", "Müller Wagen 2012"]
content = {"labels": np.array([[77, 77, 1, 102]], dtype=np.uint8), "annotations": annotations, "class_names": names,
           "single": np.array([[1.5, -2.5]], dtype=np.float32)}
savemat("plain.mat", content, do_compression=False)
savemat("packed.mat", content, do_compression=True)

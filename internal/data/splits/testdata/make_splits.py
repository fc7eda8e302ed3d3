"""Writes small lists as UCF101, OxfordPets, SUN397 and OxfordFlowers have them, and
want_*.json, the split files that CoOp's rules make of them with random.seed(1).

    python make_splits.py

The rules are stated again here: a fifth of every class for validation, or 50, 20 and
30 percent of each; classes in the order they first occur; Python's rounding and
random.shuffle. Written with Python 3.11 and SciPy 1.17.
"""
import json
import os
import random

import numpy as np
from scipy.io import savemat


def text(path, lines):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write("".join(line + "\n" for line in lines))


def groups(rows):
    out = {}
    for row in rows:
        out.setdefault(row[1], []).append(row)
    return list(out.values())


def write(name, split):
    with open(f"want_{name}.json", "w") as f:
        json.dump(split, f, indent=4, separators=(",", ": "))


def fifth(name, trainval, test):
    random.seed(1)
    train, val = [], []
    for rows in groups(trainval):
        n = round(len(rows) * 0.2)
        random.shuffle(rows)
        val += rows[:n]
        train += rows[n:]
    write(name, {"train": train, "val": val, "test": test})


def halves(name, classes):
    random.seed(1)
    split = {"train": [], "val": [], "test": []}
    for rows in classes:
        random.shuffle(rows)
        a, b = round(len(rows) * 0.5), round(len(rows) * 0.2)
        split["train"] += rows[:a]
        split["val"] += rows[a:a + b]
        split["test"] += rows[a + b:]
    write(name, split)


actions = {"ApplyEyeMakeup": "Apply_Eye_Makeup", "YoYo": "Yo_Yo", "Archery": "Archery"}
text("ucf101/ucfTrainTestlist/classInd.txt", [f"{i + 1} {a}" for i, a in enumerate(actions)])
videos = [(a, i) for a in actions for i in range(13)]
text("ucf101/ucfTrainTestlist/trainlist01.txt", [f"{a}/v_{a}_g{i:02d}_c01.avi {list(actions).index(a) + 1}"
                                                 for a, i in videos])
text("ucf101/ucfTrainTestlist/testlist01.txt", [f"{a}/v_{a}_g40_c01.avi" for a in actions])
row = lambda a, i: [f"{actions[a]}/v_{a}_g{i:02d}_c01.jpg", list(actions).index(a), actions[a]]
fifth("UCF101", [row(a, i) for a, i in videos], [row(a, 40) for a in actions])

breeds = ["Abyssinian", "american_bulldog"]
pets = [(b, n) for b in breeds for n in [100, 101, 10, 11, 7, 8, 9]]
text("oxford_pets/annotations/trainval.txt", [f"{b}_{n} {breeds.index(b) + 1} 1 1" for b, n in pets])
text("oxford_pets/annotations/test.txt", [f"{b}_201 {breeds.index(b) + 1} 1 1" for b in breeds])
row = lambda b, n: [f"{b}_{n}.jpg", breeds.index(b), b.lower()]
fifth("OxfordPets", [row(*p) for p in pets], [row(b, 201) for b in breeds])

scenes = {"a/abbey": "abbey", "a/apartment_building/outdoor": "outdoor apartment_building"}
text("sun397/ClassName.txt", ["/" + s for s in scenes])
text("sun397/Training_01.txt", [f"/{s}/sun_{i}.jpg" for s in scenes for i in range(10)])
text("sun397/Testing_01.txt", [f"/{s}/sun_t{i}.jpg" for s in scenes for i in range(2)])
row = lambda s, i: [f"{s}/sun_{i}.jpg", list(scenes).index(s), scenes[s]]
fifth("SUN397", [row(s, i) for s in scenes for i in range(10)], [row(s, f"t{i}") for s in scenes for i in range(2)])

labels = [77] * 5 + [1] * 7 + [77] * 6
os.makedirs("oxford_flowers", exist_ok=True)
savemat("oxford_flowers/imagelabels.mat", {"labels": np.array([labels], dtype=np.uint8)}, do_compression=True)
text("oxford_flowers/cat_to_name.json", ['{"1": "pink primrose", "77": "passion flower"}'])
name = {1: "pink primrose", 77: "passion flower"}
halves("OxfordFlowers", groups([[f"image_{i + 1:05d}.jpg", k - 1, name[k]] for i, k in enumerate(labels)]))

cars = ["AM General Hummer SUV 2000", "Acura RL Sedan 2012"]
cells = np.empty((1, 2), dtype=object)
cells[0, :] = cars
os.makedirs("stanford_cars/devkit", exist_ok=True)
savemat("stanford_cars/devkit/cars_meta.mat", {"class_names": cells}, do_compression=True)


def annotations(path, rows):
    a = np.zeros((1, len(rows)), dtype=[("class", object), ("fname", object)])
    for i, (k, name) in enumerate(rows):
        a[0, i] = (k, name)
    savemat(path, {"annotations": a}, do_compression=True)


train = [(1 + i % 2, f"{i + 1:05d}.jpg") for i in range(14)]
test = [(2, "00001.jpg"), (1, "00002.jpg")]
annotations("stanford_cars/devkit/cars_train_annos.mat", train)
annotations("stanford_cars/cars_test_annos_withlabels.mat", test)
year = lambda c: " ".join(c.split(" ")[-1:] + c.split(" ")[:-1])
row = lambda folder, k, f: [f"{folder}/{f}", k - 1, year(cars[k - 1])]
fifth("StanfordCars", [row("cars_train", *r) for r in train], [row("cars_test", *r) for r in test])

eurosat = ["AnnualCrop", "Forest", "HerbaceousVegetation", "Highway", "Industrial", "Pasture", "PermanentCrop",
           "Residential", "River", "SeaLake"]
names = ["Annual Crop Land", "Forest", "Herbaceous Vegetation Land", "Highway or Road", "Industrial Buildings",
         "Pasture Land", "Permanent Crop Land", "Residential Buildings", "River", "Sea or Lake"]
files = lambda c: sorted(f"{c}/{c}_{i + 1}.jpg" for i in range(11))
halves("EuroSAT", [[[f, k, names[k]] for f in files(c)] for k, c in enumerate(eurosat)])

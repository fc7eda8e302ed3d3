"""Writes ../classes.txt: the class names of ten data sets, in label order, with
the folder (of OxfordPets the start of the file's name) that holds a class.

    python make_classes.py SPLITS NAMES > ../classes.txt

SPLITS is a folder of CoOp's split files (split_zhou_*.json), which say names and
folders. Of Food101 and SUN397 the names follow from the folders by CoOp's rule,
and those of FGVCAircraft are its own variants.txt; where SPLITS lacks their
files, NAMES, a Python file of lists such as TPT's cls_to_names.py, has them.
Written with Python 3.11.
"""
import ast
import json
import pathlib
import sys

splits, lists = pathlib.Path(sys.argv[1]), {}
for node in ast.parse(pathlib.Path(sys.argv[2]).read_text()).body:
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.List):
        lists[node.targets[0].id] = ast.literal_eval(node.value)


def sun(name):
    words = name.split(" ")[::-1]
    return "/".join([words[0][0], *words])


for name in ["Caltech101", "OxfordPets", "StanfordCars", "OxfordFlowers", "Food101", "FGVCAircraft", "SUN397",
             "DescribableTextures", "EuroSAT", "UCF101"]:
    print(f"# {name}")
    if name in ("Food101", "SUN397", "FGVCAircraft"):
        key = {"Food101": "food101", "SUN397": "sun397", "FGVCAircraft": "aircraft"}[name] + "_classes"
        folder = {"Food101": lambda c: c, "SUN397": sun, "FGVCAircraft": lambda c: ""}[name]
        classes = [(c, folder(c)) for c in lists[key]]
    else:
        classes = {}
        for rows in json.loads((splits / f"split_zhou_{name}.json").read_text()).values():
            for path, label, cls in rows:
                folder = path.rpartition("_")[0] if name == "OxfordPets" else path.rpartition("/")[0]
                if name in ("StanfordCars", "OxfordFlowers"):
                    folder = ""
                assert classes.setdefault(label, (cls, folder)) == (cls, folder), path
        classes = [classes[label] for label in sorted(classes)]
    for cls, folder in classes:
        print(f"{cls}\t{folder}" if folder not in ("", cls) else cls)

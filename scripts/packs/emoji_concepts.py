"""The concepts of the emoji task: which exist, their class, their fold.

A concept is one emoji (one code point sequence, no skin tone) that all five
styles draw. Its class comes from its Unicode subgroup. Its fold is fixed by a
seeded hash of its family, so that the same concept has the same fold in every
style, and "man running", "woman running" and "person running", which are
nearly the same picture, never fall on both sides of a split.

Shared by make_packs.py (which draws the folds it ships) and make_pool.py
(which keeps every concept of those folds out of pretraining).
"""

import hashlib
import json
import os
import re

SEED = "clipcalib-emoji-1"

# Shares of a class's families. The pretrain fold is the only one whose
# pictures and names may be seen before adaptation.
FOLDS = (("pretrain", 0.20), ("shots", 0.35), ("val", 0.10), ("test", 0.35))

CLASSES = {
    "mammal": ["animal-mammal", "monkey-face", "cat-face"],
    "bird": ["animal-bird"],
    "insect": ["animal-bug"],
    "sea animal": ["animal-marine"],
    "reptile": ["animal-reptile", "animal-amphibian"],
    "flower or plant": ["plant-flower", "plant-other"],
    "fruit": ["food-fruit"],
    "vegetable": ["food-vegetable"],
    "meal": ["food-prepared", "food-asian"],
    "dessert": ["food-sweet"],
    "drink": ["drink", "dishware"],
    "land vehicle": ["transport-ground"],
    "aircraft": ["transport-air"],
    "boat": ["transport-water"],
    "building": ["place-building", "place-religious"],
    "landscape": ["place-geographic", "place-other"],
    "weather": ["sky & weather"],
    "clothing": ["clothing"],
    "musical instrument": ["musical-instrument", "music"],
    "tool": ["tool"],
    "sport": ["sport"],
    "smiling or sad face": [
        "face-smiling", "face-affection", "face-tongue", "face-hand",
        "face-neutral-skeptical", "face-sleepy", "face-unwell", "face-hat",
        "face-glasses", "face-concerned", "face-negative",
    ],
    "hand": [
        "hand-fingers-closed", "hand-fingers-open", "hand-fingers-partial",
        "hand-prop", "hand-single-finger", "hands",
    ],
    "person": ["person-role", "person-gesture", "person", "person-fantasy"],
    "athlete": ["person-sport", "person-activity", "person-resting"],
    "clock": ["time"],
    "book or paper": ["book-paper", "mail", "writing"],
    "computer or phone": ["computer", "phone", "light & video"],
    "heart": ["heart"],
    "arrow": ["arrow", "av-symbol"],
    "geometric shape": ["geometric"],
    "household object": ["household"],
    "office supply": ["office", "lock"],
    "warning sign": ["warning", "transport-sign"],
}


def code_key(code):
    """Code points as lower-case hex without the presentation selector."""
    parts = code.lower().replace("_", "-").split("-")
    return "-".join(p for p in parts if p != "fe0f")


def family(name):
    """The name without the gender of the person drawn."""
    words = re.findall(r"[a-z0-9]+", name.lower().replace("’", "").replace("'", ""))
    drop = {"man", "men", "woman", "women", "person", "people", "mens", "womens"}
    return " ".join(w for w in words if w not in drop) or "person"


def read_json(*path):
    with open(os.path.join(*path), encoding="utf-8") as f:
        return json.load(f)


def load(src):
    """The shared concepts, in Unicode order, from the unpacked packages.

    Each is a dict: name, code, label (class index), fold, family, names (every
    name a vendor or CLDR gives it) and the picture of each style.
    """
    google = read_json(src, "emoji-datasource-google-16.0.0", "emoji.json")
    google.sort(key=lambda e: e["sort_order"])
    flat_dir = "iconify-json-fluent-emoji-flat-1.2.6"
    high_dir = "iconify-json-fluent-emoji-high-contrast-1.2.6"
    flat = {code_key(c): n for c, n in read_json(src, flat_dir, "chars.json").items()}
    high = {code_key(c): n for c, n in read_json(src, high_dir, "chars.json").items()}
    assets = os.listdir(os.path.join(src, "lobehub-fluent-emoji-3d-1.1.0", "assets"))
    three = {code_key(a[:-5]): a for a in assets if a.endswith(".webp")}
    labels = {}
    for e in read_json(src, "emojibase-data-17.0.0", "en", "data.json"):
        labels[code_key(e["hexcode"])] = e["label"]

    label_of = {sub: i for i, subs in enumerate(CLASSES.values()) for sub in subs}
    concepts = []
    for e in google:
        key = code_key(e["unified"])
        if e["subcategory"] not in label_of:
            continue
        if not (e["has_img_google"] and e["has_img_twitter"]):
            continue
        if key not in flat or key not in high or key not in three:
            continue
        name = labels.get(key, e["name"].lower())
        names = {name, e["name"].lower(), flat[key], high[key], *e["short_names"]}
        concepts.append({
            "name": name, "code": key, "label": label_of[e["subcategory"]],
            "family": family(name), "names": sorted(names),
            "noto": e["image"], "flat": flat[key], "high": high[key], "three": three[key],
        })
    assign_folds(concepts)
    return concepts


def assign_folds(concepts):
    """Cut each class's families, in the order of their hash, into the folds.

    A family spans classes at times ("snowboarder" among sports and athletes):
    its first class decides for all.
    """
    fold_of = {}
    for label in range(len(CLASSES)):
        families = sorted({c["family"] for c in concepts if c["label"] == label})
        families = [f for f in families if f not in fold_of]
        families.sort(key=lambda f: hashlib.sha256(f"{SEED}|{f}".encode()).digest())
        done, share = 0, 0.0
        for fold, part in FOLDS:
            share += part
            end = len(families) if fold == "test" else round(share * len(families))
            for f in families[done:end]:
                fold_of[f] = fold
            done = max(done, end)
    for c in concepts:
        c["fold"] = fold_of[c["family"]]

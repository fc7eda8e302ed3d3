"""Makes the pretraining pool: small pictures of icons and emoji with captions.

It fetches nothing. Beforehand, in the folder SRC of make_packs.py, also

    npm pack @iconify/json@2.2.535      # unpacked into SRC/iconify-json-2.2.535
    apt-get download wordnet-base       # 1:3.0-37, dpkg -x into SRC/wordnet-base

Python packages: pillow 13.0.0, numpy 2.4.6, resvg_py 0.5.0.

    python3 scripts/make_pool.py SRC OUT [--limit N] [--jobs J]

writes OUT/pool.safetensors, which `clipcalib pretrain --data` reads, and
OUT/pool.json, the counts by set, licence and reason of exclusion.

pool.safetensors (format "clipcalib-pairs", version 1):
    images          U8  [N, 32, 32, 3]  RGB rows, on white
    kind            U8  [N]             0 one-colour icon (black), 1 coloured icon, 2 emoji
    caption_start   I64 [N+1]           image i has captions caption_start[i] ... caption_start[i+1]-1
    caption_offset  I64 [M+1]           caption j is caption_bytes[caption_offset[j]:caption_offset[j+1]]
    caption_bytes   U8  [B]             UTF-8
Pairs lie in a seeded random order, so any prefix is a fair sample.

What stays out: sets whose licence is not permissive, logos, flags and file
type icons (their names are brands), every picture hold_out.py names, blank
pictures, and repeats: identical renderings, more than PER_SET drawings of one
name in a set and more than PER_NAME in all.
"""

import argparse
import collections
import hashlib
import io
import json
import multiprocessing
import os
import random
import re
import struct
import sys

import numpy as np
from PIL import Image
import resvg_py

import emoji_concepts
import hold_out
import make_packs
import wordnet

PERMISSIVE = {
    "MIT", "Apache-2.0", "ISC", "CC0-1.0", "CC-BY-4.0", "CC-BY-3.0", "OFL-1.1",
    "BSD-3-Clause", "Unlicense",
}
DROPPED_CATEGORIES = {"Logos", "Programming"}
DROPPED_SETS = {
    "circle-flags", "flag", "flagpack", "cif",            # named by country code
    "token", "token-branded", "cryptocurrency", "cryptocurrency-color",
    "svg-spinners", "line-md",                            # animated, blank at rest
    "fluent-emoji-flat", "fluent-emoji-high-contrast",    # taken from their own packages
}
EMOJI_SETS = {"twemoji", "noto", "noto-v1", "emojione", "emojione-monotone", "fxemoji",
              "streamline-emojis", "fluent-emoji"}
BRAND_WORDS = {"logo", "brand", "flag"}
PER_SET = 3
PER_NAME = 60
PER_PLAIN_NAME = 8    # of a name without a broader word: mostly interface signs
PLAIN_WORDS = 2       # and longer names of that kind are left out
OPENS_MANY = 30
LOOKS_ALIKE = 0.93
SEED = 1
MONO, COLOUR, EMOJI = 0, 1, 2
# What a set's own category, or a Unicode subgroup outside the classes, says in
# a caption. Others ("files", "interface") say how an icon is used.
BROADER = {
    "animal": "animal", "pet animal": "animal", "weather": "weather", "sport": "sport",
    "music": "music", "hand": "hand", "hand sign": "hand", "arrow": "arrow",
    "single arrow": "arrow", "arrow action": "arrow", "shape": "geometric shape",
    "vehicle": "vehicle", "automotive": "vehicle", "transportation": "vehicle",
    "transport": "vehicle", "maritime": "boat", "building": "building", "place": "building",
    "clothing": "clothing", "clothe": "clothing", "tool": "tool", "household": "household object",
    "food": "food", "food drink": "food or drink", "food and drink": "food or drink",
    "fruit vegetable": "fruit or vegetable", "fruits vegetables": "fruit or vegetable",
    "beverage": "drink", "people": "person", "peoples": "person", "face": "face",
    "emotion": "face", "smileys emotion": "face", "instrument": "musical instrument",
    "nature": "nature", "computer": "computer", "computer device": "computer or phone",
    "device": "computer or phone", "hardware": "computer or phone", "phone": "computer or phone",
    "office": "office supply", "writing": "writing", "money": "money", "currency": "money",
    "medical": "medicine", "medicine": "medicine", "science": "science", "game": "game",
    "astronomy": "celestial body", "body": "body part", "body part": "body part",
    "family": "family", "zodiac": "zodiac sign", "event": "celebration", "holiday": "celebration",
    "halloween": "celebration", "book": "book or paper", "mail": "book or paper", "time": "clock",
    "date time": "clock", "fooddrink": "food or drink", "petanimal": "animal",
    "computerdevice": "computer or phone", "sound": "sound", "religion": "religious symbol",
    "prohibition": "warning sign", "transit": "vehicle", "home": "household object",
}

Job = collections.namedtuple("Job", "set name kind words code broader")


def article(phrase):
    return ("an " if phrase[0] in "aeiou" else "a ") + phrase


def captions(words, kind, broader):
    """Up to nine captions: the name plain and in a sentence, then what it is."""
    phrase = " ".join(words)
    noun = "emoji" if kind == EMOJI else "icon"
    found = [phrase, f"an icon of {article(phrase)}.", f"{article(phrase)} {noun}"]
    for b in broader[:3]:
        if b != phrase:
            found.append(f"{article(phrase)}, a type of {b}.")
            found.append(f"an icon of {article(b)}.")
    return found


def set_categories(data):
    """Icon name -> the broader word of the set's own category for it."""
    found = {}
    for category, names in (data.get("categories") or {}).items():
        broader = BROADER.get(" ".join(hold_out.words(category)))
        if broader:
            for n in names:
                found.setdefault(n, broader)
    return found


def icon_jobs(src, hold, counts):
    """The icons of the permissive sets that the hold-out admits."""
    base = os.path.join(src, "iconify-json-2.2.535")
    for prefix, info in emoji_concepts.read_json(base, "collections.json").items():
        licence = info["license"].get("spdx")
        if (licence not in PERMISSIVE or info.get("category") in DROPPED_CATEGORIES
                or prefix in DROPPED_SETS):
            counts["icons of dropped sets"] += info["total"]
            continue
        data = emoji_concepts.read_json(base, "json", prefix + ".json")
        codes = {n: emoji_concepts.code_key(c) for c, n in (data.get("chars") or {}).items()}
        if prefix not in EMOJI_SETS:
            codes = {}  # private-use code points of icon fonts
        categories = set_categories(data)
        seen = collections.Counter()
        for name in sorted(data["icons"]):
            code = codes.get(name)
            if data["icons"][name].get("hidden") or "skin-tone" in name:
                counts["hidden or skin tone"] += 1
                continue
            words = hold_out.spoken(name)
            if not words or len(words) > 6 or set(words) & BRAND_WORDS or max(map(len, words)) < 3:
                counts["name says nothing"] += 1
                continue
            if not hold.admits(name, code):
                continue
            key = " ".join(words)
            seen[key] += 1
            if seen[key] > PER_SET:
                counts["more drawings of a name in its set"] += 1
                continue
            kind = EMOJI if prefix in EMOJI_SETS else COLOUR if info.get("palette") else MONO
            broader = [categories[name]] if name in categories else []
            yield Job(prefix, name, kind, words, None, broader)


def emoji_classes(src):
    """Name of an emoji (a bag of words, or its words run together) -> class.

    Serves the emoji and icons of other sets that bear an emoji's name; names of
    held concepts do no harm here, since no picture so named is in the pool.
    """
    label_of = {s: k for k, subs in emoji_concepts.CLASSES.items() for s in subs}
    found = collections.defaultdict(set)
    for e in emoji_concepts.read_json(src, "emoji-datasource-google-16.0.0", "emoji.json"):
        broader = label_of.get(e["subcategory"]) or BROADER.get(
            " ".join(hold_out.words(e["subcategory"])))
        for name in [e["name"], *e["short_names"]]:
            if broader and len(name) > 2:
                found[frozenset(hold_out.content(name))].add(broader)
                found["".join(hold_out.raw_words(name))].add(broader)
    return {k: next(iter(v)) for k, v in found.items() if len(v) == 1}


def broaden(jobs, nouns, classes):
    """Adds broader words: the class of the emoji so named, and WordNet's, where
    the name's order can be trusted.

    Many sets put the thing first and its qualifier last ("chart-waterfall",
    "message-square"). A word that opens many names is such a thing, and a name
    it opens is left alone unless WordNet knows the whole of it.
    """
    opened = collections.defaultdict(set)
    for j in jobs:
        if j.kind != EMOJI and len(j.words) > 1:
            opened[j.words[0]].add(tuple(j.words))
    for j in jobs:
        known = (classes.get(frozenset(hold_out.singular(w) for w in j.words))
                 or classes.get("".join(j.words)))
        if known and known not in j.broader:
            j.broader.append(known)
        whole = len(j.words) == 1 or nouns.find(j.words)
        if whole or len(opened[j.words[0]]) < OPENS_MANY and len(j.words) < 4:
            found = nouns.categories(j.words)
            j.broader.extend(b for b in found if b not in j.broader)


def emoji_jobs(src, hold, counts):
    """The five styles' emoji outside the held folds, with their classes."""
    label_of = {s: k for k, subs in emoji_concepts.CLASSES.items() for s in subs}
    labels = {emoji_concepts.code_key(e["hexcode"]): e for e in
              emoji_concepts.read_json(src, "emojibase-data-17.0.0", "en", "data.json")}
    flat = emoji_concepts.read_json(src, "iconify-json-fluent-emoji-flat-1.2.6", "chars.json")
    high = emoji_concepts.read_json(src, "iconify-json-fluent-emoji-high-contrast-1.2.6", "chars.json")
    flat = {emoji_concepts.code_key(c): n for c, n in flat.items()}
    high = {emoji_concepts.code_key(c): n for c, n in high.items()}
    assets = os.listdir(os.path.join(src, "lobehub-fluent-emoji-3d-1.1.0", "assets"))
    three = {emoji_concepts.code_key(a[:-5]): a for a in assets if a.endswith(".webp")}
    for e in emoji_concepts.read_json(src, "emoji-datasource-google-16.0.0", "emoji.json"):
        code = emoji_concepts.code_key(e["unified"])
        if e["category"] in ("Flags", "Component"):
            continue
        names = [e["name"], *e["short_names"]]
        if code in labels:
            names.insert(0, labels[code]["label"])
        if not all(hold.admits(n, code) for n in names):
            continue
        words = re.findall(r"[\w’-]+", names[0].lower())[:7]
        broader = [label_of.get(e["subcategory"]) or BROADER.get(
            " ".join(hold_out.words(e["subcategory"])))]
        broader = [b for b in broader if b]
        where = {"noto-datasource": e["image"], "twemoji-datasource": e["image"],
                 "fluent-3d": three.get(code), "fluent-flat": flat.get(code),
                 "fluent-high-contrast": high.get(code)}
        for style, file in where.items():
            if file:
                counts["emoji of the five styles"] += 1
                yield Job(style, file, EMOJI, words, code, broader)


class Painter:
    """Draws jobs; keeps the icon set it used last."""

    def __init__(self, src):
        self.src, self.prefix, self.data = src, None, None

    def icon_set(self, style):
        if style != self.prefix:
            path = {"fluent-flat": "iconify-json-fluent-emoji-flat-1.2.6/icons.json",
                    "fluent-high-contrast": "iconify-json-fluent-emoji-high-contrast-1.2.6/icons.json",
                    }.get(style, f"iconify-json-2.2.535/json/{style}.json")
            self.prefix, self.data = style, make_packs.IconSet(os.path.join(self.src, path)).data
        return self.data

    def picture(self, style, name):
        files = {"noto-datasource": "emoji-datasource-google-16.0.0/img/google/64",
                 "twemoji-datasource": "emoji-datasource-twitter-16.0.0/img/twitter/64",
                 "fluent-3d": "lobehub-fluent-emoji-3d-1.1.0/assets"}
        if style in files:
            return make_packs.on_white(Image.open(os.path.join(self.src, files[style], name)))
        data = self.icon_set(style)
        icon = data["icons"][name]
        left, top, width, height = (icon.get(k, data.get(k, d)) for k, d in
                                    (("left", 0), ("top", 0), ("width", 16), ("height", 16)))
        side = max(width, height)  # a wide icon is centred on a square
        box = f"{left - (side - width) / 2} {top - (side - height) / 2} {side} {side}"
        svg = (f'<svg xmlns="http://www.w3.org/2000/svg" color="#000" '
               f'viewBox="{box}">{icon["body"]}</svg>')
        png = resvg_py.svg_to_bytes(svg_string=svg, width=64, height=64, background="#fff",
                                    skip_system_fonts=True)
        return Image.open(io.BytesIO(png)).convert("RGB")

    def pixels(self, style, name):
        """32 x 32 x 3, or None for a picture that is blank or fails."""
        try:
            im = self.picture(style, name).resize((32, 32), Image.BICUBIC)
        except (ValueError, KeyError, OSError):
            return None
        a = np.asarray(im)
        return a.tobytes() if np.ptp(a) > 32 and (a < 200).mean() > 0.01 else None


painter = None


def start(src):
    global painter
    painter = Painter(src)


def paint(job):
    return painter.pixels(job.set, job.name)


def choose(jobs, limit, counts):
    """At most PER_NAME drawings of a name, sets taken in a random order."""
    rng = random.Random(SEED)
    rng.shuffle(jobs)
    seen, chosen = collections.Counter(), []
    for j in jobs:
        key = " ".join(j.words)
        if j.kind != EMOJI:
            if not j.broader and len(j.words) > PLAIN_WORDS:
                counts["long name without a broader word"] += 1
                continue
            seen[key] += 1
            if seen[key] > (PER_NAME if j.broader else PER_PLAIN_NAME):
                counts["more drawings of a name in all"] += 1
                continue
        chosen.append(j)
    return chosen[:limit] if limit else chosen


def signature(pixels):
    """16 x 16 grey, mean 0, length 1: the dot product of two is a correlation."""
    a = np.frombuffer(pixels, np.uint8).reshape(-1, 16, 2, 16, 2, 3)
    a = a.astype(np.float32).mean((2, 4, 5)).reshape(-1, 256)
    a -= a.mean(1, keepdims=True)
    return a / np.maximum(np.linalg.norm(a, axis=1, keepdims=True), 1e-6)


def looks_alike(images, held, chunk=4096):
    """For each picture its largest correlation, in grey, with a held drawing."""
    held = signature(b"".join(held)).T
    return np.concatenate([
        (signature(b"".join(images[i:i + chunk])) @ held).max(1)
        for i in range(0, len(images), chunk)])


def held_drawings(src, concepts):
    """The drawings of the held concepts in the five styles."""
    where = (("noto-datasource", "noto"), ("twemoji-datasource", "noto"), ("fluent-3d", "three"),
             ("fluent-flat", "flat"), ("fluent-high-contrast", "high"))
    p = Painter(src)
    drawn = [p.pixels(style, c[key]) for style, key in where
             for c in concepts if c["fold"] in hold_out.HELD]
    return [d for d in drawn if d]


def write_pool(path, jobs, images):
    starts, offsets, text = [0], [0], []
    for j in jobs:
        for c in captions(j.words, j.kind, j.broader):
            text.append(c.encode())
            offsets.append(offsets[-1] + len(text[-1]))
        starts.append(len(text))
    tensors = (
        ("caption_start", "I64", np.array(starts, "<i8")),
        ("caption_offset", "I64", np.array(offsets, "<i8")),
        ("images", "U8", np.frombuffer(b"".join(images), np.uint8).reshape(-1, 32, 32, 3)),
        ("kind", "U8", np.array([j.kind for j in jobs], np.uint8)),
        ("caption_bytes", "U8", np.frombuffer(b"".join(text), np.uint8)),
    )
    header, at = {"__metadata__": {"format": "clipcalib-pairs", "version": "1"}}, 0
    for name, dtype, a in tensors:
        header[name] = {"dtype": dtype, "shape": list(a.shape), "data_offsets": [at, at + a.nbytes]}
        at += a.nbytes
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    with open(path + ".part", "wb") as f:
        f.write(struct.pack("<Q", len(head)) + head)
        for _, _, a in tensors:
            f.write(a.tobytes())
    os.replace(path + ".part", path)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    p.add_argument("src")
    p.add_argument("out")
    p.add_argument("--limit", type=int, help="stop at this many pictures")
    p.add_argument("--jobs", type=int, default=1)
    args = p.parse_args()
    os.makedirs(args.out, exist_ok=True)

    counts = collections.Counter()
    concepts = emoji_concepts.load(args.src)
    hold = hold_out.HoldOut(concepts)
    nouns = wordnet.WordNet(os.path.join(args.src, "wordnet-base/usr/share/wordnet"))
    jobs = list(emoji_jobs(args.src, hold, counts))
    emoji_held = dict(hold.counts)
    jobs += icon_jobs(args.src, hold, counts)
    broaden(jobs, nouns, emoji_classes(args.src))
    jobs = choose(jobs, args.limit, counts)

    # Drawn set by set, so that a worker parses each set once.
    order = sorted(range(len(jobs)), key=lambda i: (jobs[i].set, i))
    drawn = [None] * len(jobs)
    with multiprocessing.Pool(args.jobs, start, (args.src,)) as pool:
        for i, pixels in zip(order, pool.imap(paint, [jobs[i] for i in order], 500)):
            drawn[i] = pixels
    kept, images, seen = [], [], set()
    for j, pixels in zip(jobs, drawn):
        digest = pixels and hashlib.sha256(pixels).digest()
        if digest is None or digest in seen:
            counts["blank or failed" if digest is None else "identical rendering"] += 1
            continue
        seen.add(digest)
        kept.append(j)
        images.append(pixels)
    alike = looks_alike(images, held_drawings(args.src, concepts))
    hold.counts["looks alike"] = int((alike > LOOKS_ALIKE).sum())
    kept = [j for j, a in zip(kept, alike) if a <= LOOKS_ALIKE]
    images = [im for im, a in zip(images, alike) if a <= LOOKS_ALIKE]
    write_pool(os.path.join(args.out, "pool.safetensors"), kept, images)

    licences = {k: v["license"]["spdx"] for k, v in emoji_concepts.read_json(
        args.src, "iconify-json-2.2.535", "collections.json").items()}
    licences.update({"noto-datasource": "Apache-2.0", "twemoji-datasource": "CC-BY-4.0",
                     "fluent-3d": "MIT", "fluent-flat": "MIT", "fluent-high-contrast": "MIT"})
    sets = collections.Counter(j.set for j in kept)
    by_licence = collections.Counter()
    for s, n in sets.items():
        by_licence[licences[s]] += n
    stats = {
        "pictures": len(kept),
        "kinds": {n: sum(j.kind == k for j in kept) for n, k in
                  (("one colour", MONO), ("coloured", COLOUR), ("emoji", EMOJI))},
        "names": len({" ".join(j.words) for j in kept}),
        "with a broader word": sum(bool(j.broader) for j in kept),
        "held out": hold.counts, "of them emoji names of the five styles": emoji_held,
        "left out": counts, "licences": by_licence.most_common(),
        "sets": {s: [n, licences[s]] for s, n in sets.most_common()},
    }
    with open(os.path.join(args.out, "pool.json"), "w", encoding="utf-8") as f:
        json.dump(stats, f, indent=1)
    json.dump({k: v for k, v in stats.items() if k != "sets"}, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()

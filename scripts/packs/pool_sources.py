"""The pictures the pretraining pool may draw from, each a Job with its words.

Used by make_pool.py, which says where the packages come from.
"""

import collections
import os
import re

import emoji_concepts
import hold_out

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
OPENS_MANY = 30
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

# Openclipart's folders that say what their pictures are.
CLIPART = {
    "animals/mammals": "mammal", "animals/birds": "bird", "animals/bugs": "insect",
    "animals/fish": "fish", "animals/dinosaurs": "reptile", "food/fruit": "fruit",
    "food/vegetables": "vegetable", "food/desserts": "dessert", "food/beverages": "drink",
    "food/meats_and_eggs": "meal", "food/breads_and_carbs": "meal", "plants/flowers": "flower",
    "plants/trees": "tree", "transportation/vehicles": "land vehicle",
    "transportation/boating": "boat", "buildings/homes": "building",
    "buildings/furniture": "furniture", "people/clothing": "clothing", "people/smilies": "face",
    "people/stickmen": "person", "people/bodypart": "body part",
    "recreation/music": "musical instrument", "recreation/sports": "sport",
    "recreation/toys": "toy", "recreation/party": "celebration",
    "recreation/holiday": "celebration", "tools/weapons": "weapon",
    "signs_and_symbols/weather": "weather", "signs_and_symbols/clocks": "clock",
    "signs_and_symbols/map_symbols": "sign", "signs_and_symbols/hazard": "warning sign",
    "transportation/roadsigns": "warning sign", "education/books": "book",
    "office/telephone": "phone", "computer/hardware": "computer", "shapes/arrows": "arrow",
    "geography/astronomy": "celestial body", "science/astronomy": "celestial body",
}

# The emoji task's own, of internal/demo/packs_emoji.go.
TEMPLATES = ("an icon of a {}.", "a {} emoji", "a picture of a {}.", "a drawing of a {}.")

Job = collections.namedtuple("Job", "set name kind words code broader")


def article(phrase):
    return ("an " if phrase[0] in "aeiou" else "a ") + phrase


def captions(words, kind, broader, classes=()):
    """The name plain and in a sentence, then what it is; of one of the demo's
    classes in more of the demo's templates."""
    phrase = " ".join(words)
    noun = "emoji" if kind == EMOJI else "icon"
    found = [phrase, f"an icon of {article(phrase)}.", f"{article(phrase)} {noun}"]
    for b in broader[:3]:
        if b != phrase:
            found.append(f"{article(phrase)}, a type of {b}.")
            found.append(f"an icon of {article(b)}.")
    if broader and broader[0] in classes and kind != MONO:
        found += [c for c in class_captions(broader[0]) if c not in found]
    return found


def class_captions(name):
    """What the demo's templates make of a class, "a insect" included."""
    return [t.format(name) for t in TEMPLATES]


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
    by_code, named = classes_by_code(src), codes_by_name(src)
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
            if prefix in EMOJI_SETS and not code:
                code = named.get(frozenset(hold_out.content(name)))
            if data["icons"][name].get("hidden") or "skin-tone" in name:
                counts["hidden or skin tone"] += 1
                continue
            words = hold_out.spoken(name)
            if not words or len(words) > 6 or set(words) & BRAND_WORDS or max(map(len, words)) < 3:
                counts["name says nothing"] += 1
                continue
            if not hold.admits(name, code, prefix):
                continue
            key = " ".join(words)
            seen[key] += 1
            if seen[key] > PER_SET:
                counts["more drawings of a name in its set"] += 1
                continue
            kind = EMOJI if prefix in EMOJI_SETS else COLOUR if info.get("palette") else MONO
            broader = [categories[name]] if name in categories else []
            if code in by_code:
                broader = [by_code[code]]
            yield Job(prefix, name, kind, words, code, broader)


def classes_by_code(src):
    """Code point sequence -> class of the emoji."""
    label_of = {s: k for k, subs in emoji_concepts.CLASSES.items() for s in subs}
    return {emoji_concepts.code_key(e["unified"]): label_of[e["subcategory"]] for e in
            emoji_concepts.read_json(src, "emoji-datasource-google-16.0.0", "emoji.json")
            if e["subcategory"] in label_of}


def codes_by_name(src):
    """Name of an emoji (a bag of words) -> code point sequence, where it is one's alone."""
    found = collections.defaultdict(set)
    for e in emoji_concepts.read_json(src, "emoji-datasource-google-16.0.0", "emoji.json"):
        for name in [e["name"], *e["short_names"]]:
            found[frozenset(hold_out.content(name))].add(emoji_concepts.code_key(e["unified"]))
    for e in emoji_concepts.read_json(src, "emojibase-data-17.0.0", "en", "data.json"):
        found[frozenset(hold_out.content(e["label"]))].add(emoji_concepts.code_key(e["hexcode"]))
    return {k: next(iter(v)) for k, v in found.items() if len(v) == 1}


def emoji_classes(src):
    """Name of an emoji (a bag of words, or its words run together) -> class.

    Serves the emoji and icons of other sets that bear an emoji's name.
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
        words = re.findall(r"[\w’-]+", names[0].lower())[:7]
        broader = [label_of.get(e["subcategory"]) or BROADER.get(
            " ".join(hold_out.words(e["subcategory"])))]
        broader = [b for b in broader if b]
        where = {"noto-datasource": e["image"], "twemoji-datasource": e["image"],
                 "fluent-3d": three.get(code), "fluent-flat": flat.get(code),
                 "fluent-high-contrast": high.get(code)}
        for style, file in where.items():
            if file and all(hold.admits(n, code, style) for n in names):
                counts["emoji of the five styles"] += 1
                yield Job(style, file, EMOJI, words, code, broader)


def clipart_jobs(src, hold, nouns):
    """Openclipart's pictures from the folders of CLIPART.

    File names mix the thing's name, often not in English, with its author's. A
    caption takes the leading words that WordNet knows, and the folder's word
    alone where there are none; the hold-out sees the whole name.
    """
    base = os.path.join(src, "openclipart-png/usr/share/openclipart/png")
    for folder, broader in CLIPART.items():
        for path, _, files in sorted(os.walk(os.path.join(base, folder))):
            inner = os.path.relpath(path, os.path.join(base, folder))
            for file in sorted(files):
                stem, suffix = os.path.splitext(file)
                name = stem if inner == "." else f"{inner} {stem}"
                if suffix != ".png" or not hold.admits(name, None, "openclipart"):
                    continue
                words = []
                for w in hold_out.spoken(stem):
                    if len(w) < 3 or len(words) == 3 or not nouns.find([w]):
                        break
                    words.append(w)
                file = os.path.relpath(os.path.join(path, file), base)
                yield Job("openclipart", file, COLOUR, words or broader.split(), None, [broader])

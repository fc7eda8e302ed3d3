"""Makes the pretraining pool: small pictures of icons and emoji with captions.

It fetches nothing. Beforehand, in the folder SRC of make_packs.py, also

    npm pack @iconify/json@2.2.535      # unpacked into SRC/iconify-json-2.2.535
    apt-get download wordnet-base       # 1:3.0-37, dpkg -x into SRC/wordnet-base
    apt-get download openclipart-png    # 1:0.18+dfsg-19, dpkg -x into SRC/openclipart-png

Python packages: pillow 13.0.0, numpy 2.4.6, resvg_py 0.5.0.

    python3 scripts/packs/make_pool.py SRC OUT [--limit N] [--broader-only] [--named FOLDS]
        [--per-name N] [--jobs J] [--hold concepts|drawings] [--mirror] [--reserve N]

writes OUT/pool.safetensors, which `clipcalib pretrain --data` reads, and
OUT/pool.json, the counts by set, licence and reason of exclusion. --reserve N
keeps the five styles' drawings of every N-th family of the pretrain fold aside,
in OUT/reserved.safetensors of the same format, captioned with their class in the
demo's templates: nothing is trained on them, and `clipcalib pretrain
--scale-data` fits the scale to them. --mirror adds the
mirror image of coloured pictures of a class that has no left and right.

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
name in a set and more than PER_NAME in all. Where a broader word is known
("papaya" is a fruit, by WordNet, the set's categories or the emoji of that
name) captions say it too, in the words of the demo's classes among others;
interface signs without one are thinned out.
"""

import argparse
import collections
import hashlib
import json
import multiprocessing
import os
import random
import struct
import sys

import numpy as np

import emoji_concepts
import hold_out
import pool_paint
import pool_sources
import wordnet
from pool_sources import COLOUR, EMOJI, MONO

PER_NAME = 60
PER_PLAIN_NAME = 4    # of a name without a broader word: mostly interface signs
PLAIN_WORDS = 2       # and longer names of that kind are left out
LOOKS_ALIKE = 0.93
SAME_DRAWING = 0.85   # of another font's drawing of the same emoji
SIDED = {"arrow", "clock", "warning sign", "hand", "computer or phone"}
SEED = 1


def choose(jobs, limit, per_name, counts):
    """At most per_name icons of a name, sets taken in a random order."""
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
            if seen[key] > (per_name if j.broader else min(per_name, PER_PLAIN_NAME)):
                counts["more drawings of a name in all"] += 1
                continue
        chosen.append(j)
    return chosen[:limit] if limit else chosen


def mirror(jobs, images):
    """The pictures to mirror, mirrored, with their jobs."""
    chosen = [i for i, j in enumerate(jobs) if j.kind != MONO and j.broader
              and j.broader[0] in emoji_concepts.CLASSES and j.broader[0] not in SIDED
              and not {"left", "right"} & set(j.words)]
    return [jobs[i] for i in chosen], [pool_paint.mirrored(images[i]) for i in chosen]


def reserved_jobs(src, concepts, counts):
    """The five styles' drawings of the reserved concepts, by class."""
    wanted = {c["code"] for c in concepts if c["fold"] == hold_out.RESERVED}
    everything = hold_out.HoldDrawings([])
    jobs = [j for j in pool_sources.emoji_jobs(src, everything, collections.Counter()) if j.code in wanted]
    counts["reserved"] = len(jobs)
    return jobs


def write_pool(path, jobs, images, captions):
    starts, offsets, text = [0], [0], []
    for j in jobs:
        for c in captions(j):
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
    p.add_argument("--broader-only", action="store_true",
                   help="leave out names without a broader word")
    p.add_argument("--named", default=",".join(hold_out.HELD),
                   help="folds whose concepts are kept out by name too, not only their pictures")
    p.add_argument("--per-name", type=int, default=PER_NAME,
                   help="icons of one name at most")
    p.add_argument("--jobs", type=int, default=1)
    p.add_argument("--hold", choices=("concepts", "drawings"), default="concepts",
                   help="the rule of hold_out.py")
    p.add_argument("--mirror", action="store_true", help="add mirror images")
    p.add_argument("--reserve", type=int, help="keep every N-th family of the pretrain fold aside")
    args = p.parse_args()
    os.makedirs(args.out, exist_ok=True)

    counts = collections.Counter()
    concepts = emoji_concepts.load(args.src)
    classes, folds_of = (), lambda style: hold_out.HELD
    if args.reserve:
        hold_out.reserve(concepts, args.reserve)
    if args.hold == "drawings":
        hold, classes, folds_of = hold_out.HoldDrawings(concepts), emoji_concepts.CLASSES, hold_out.FONTS.get
    else:
        hold = hold_out.HoldOut(concepts, args.named.split(","))
    nouns = wordnet.WordNet(os.path.join(args.src, "wordnet-base/usr/share/wordnet"))
    jobs = list(pool_sources.emoji_jobs(args.src, hold, counts))
    emoji_held = dict(hold.counts)
    jobs += pool_sources.icon_jobs(args.src, hold, counts)
    jobs += pool_sources.clipart_jobs(args.src, hold, nouns)
    pool_sources.broaden(jobs, nouns, pool_sources.emoji_classes(args.src))
    if args.broader_only:
        jobs = [j for j in jobs if j.broader]
    jobs = choose(jobs, args.limit, args.per_name, counts)

    # Drawn set by set, so that a worker parses each set once.
    order = sorted(range(len(jobs)), key=lambda i: (jobs[i].set, i))
    drawn = [None] * len(jobs)
    with multiprocessing.Pool(args.jobs, pool_paint.start, (args.src,)) as pool:
        for i, pixels in zip(order, pool.imap(pool_paint.paint, [jobs[i] for i in order], 500)):
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
    held = pool_paint.held_drawings(args.src, concepts, folds_of)
    alike = pool_paint.looks_alike(images, [d for ds in held.values() for d in ds]) > LOOKS_ALIKE
    hold.counts["looks alike"] = int(alike.sum())
    if args.hold == "drawings":
        others = [None if j.set in hold_out.FONTS else j.code for j in kept]
        same = pool_paint.same_drawing(images, others, held) > SAME_DRAWING
        hold.counts["nearly the same drawing of the emoji"] = int((same & ~alike).sum())
        alike |= same
    kept = [j for j, a in zip(kept, alike) if not a]
    images = [im for im, a in zip(images, alike) if not a]
    if args.reserve:
        aside = reserved_jobs(args.src, concepts, counts)
        paint = pool_paint.Painter(args.src)
        drawn = [paint.pixels(j.set, j.name) for j in aside]
        write_pool(os.path.join(args.out, "reserved.safetensors"),
                   [j for j, d in zip(aside, drawn) if d], [d for d in drawn if d],
                   lambda j: pool_sources.class_captions(j.broader[0]))
    pictures = len(kept)
    more, flipped = mirror(kept, images) if args.mirror else ([], [])
    order = list(range(pictures + len(more)))
    random.Random(SEED).shuffle(order)
    every, all_images = kept + more, images + flipped
    write_pool(os.path.join(args.out, "pool.safetensors"), [every[i] for i in order],
               [all_images[i] for i in order],
               lambda j: pool_sources.captions(j.words, j.kind, j.broader, classes))

    licences = {k: v["license"]["spdx"] for k, v in emoji_concepts.read_json(
        args.src, "iconify-json-2.2.535", "collections.json").items()}
    licences.update({"noto-datasource": "Apache-2.0", "twemoji-datasource": "CC-BY-4.0", "fluent-3d": "MIT",
                     "fluent-flat": "MIT", "fluent-high-contrast": "MIT", "openclipart": "public domain"})
    sets = collections.Counter(j.set for j in kept)
    by_licence = collections.Counter()
    for s, n in sets.items():
        by_licence[licences[s]] += n
    stats = {
        "pictures": len(kept), "mirror images": len(more),
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

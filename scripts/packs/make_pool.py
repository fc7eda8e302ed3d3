"""Makes the pretraining pool: small pictures of icons and emoji with captions.

It fetches nothing. Beforehand, in the folder SRC of make_packs.py, also

    npm pack @iconify/json@2.2.535      # unpacked into SRC/iconify-json-2.2.535
    apt-get download wordnet-base       # 1:3.0-37, dpkg -x into SRC/wordnet-base
    apt-get download openclipart-png    # 1:0.18+dfsg-19, dpkg -x into SRC/openclipart-png

Python packages: pillow 13.0.0, numpy 2.4.6, resvg_py 0.5.0.

    python3 scripts/packs/make_pool.py SRC OUT [--limit N] [--broader-only] [--named FOLDS]
        [--per-name N] [--jobs J]

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


def write_pool(path, jobs, images):
    starts, offsets, text = [0], [0], []
    for j in jobs:
        for c in pool_sources.captions(j.words, j.kind, j.broader):
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
    args = p.parse_args()
    os.makedirs(args.out, exist_ok=True)

    counts = collections.Counter()
    concepts = emoji_concepts.load(args.src)
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
    alike = pool_paint.looks_alike(images, pool_paint.held_drawings(args.src, concepts))
    hold.counts["looks alike"] = int((alike > LOOKS_ALIKE).sum())
    kept = [j for j, a in zip(kept, alike) if a <= LOOKS_ALIKE]
    images = [im for im, a in zip(images, alike) if a <= LOOKS_ALIKE]
    write_pool(os.path.join(args.out, "pool.safetensors"), kept, images)

    licences = {k: v["license"]["spdx"] for k, v in emoji_concepts.read_json(
        args.src, "iconify-json-2.2.535", "collections.json").items()}
    licences.update({"noto-datasource": "Apache-2.0", "twemoji-datasource": "CC-BY-4.0",
                     "fluent-3d": "MIT", "openclipart": "public domain", "fluent-flat": "MIT", "fluent-high-contrast": "MIT"})
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

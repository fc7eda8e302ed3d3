#!/usr/bin/env python3
"""Writes weights/releases.csv: what open_clip's table of published weights says of each.

    python3 scripts/openclip_releases.py > weights/releases.csv
    python3 scripts/openclip_releases.py --markdown    # the table of docs/WEIGHTS.md

The file in the tree was made with open_clip_torch 3.3.0. Only towers of open_clip's
own vision transformer or modified ResNet (whose layers are the blocks of its stages) beside its
own text transformer are listed. sha256 is whole for
OpenAI's files and the first eight digits for those on GitHub, as open_clip checks them; those of files on the
hub are in this script.
"""

import csv
import os
import sys

from open_clip import pretrained
from open_clip.factory import get_model_config

# Published by OpenAI for transformers; their config.json says the same.
HUGGINGFACE = {
    "ViT-B-32": "openai/clip-vit-base-patch32", "ViT-B-16": "openai/clip-vit-base-patch16",
    "ViT-L-14": "openai/clip-vit-large-patch14", "ViT-L-14-336": "openai/clip-vit-large-patch14-336",
}

# SHA-256 of files on the hub, as public repositories print them.
HUB_FILES = {
    ("ViT-B-32", "laion2b_s34b_b79k"): ["ac4f8c4b88af6d963118cbf40ad93176d092abbedfcb752601ae1866352656e6"],
    ("ViT-L-14", "laion2b_s32b_b82k"): ["5ddb47339f44e4fd9cace3d3960d38af1b51a25857440cfae90afc44706d7e2b",
                                        "7d129ed747e0ed53e82dfcc140382b51be66b56e6a9bdc3258afd2846e3bb019"],
    ("ViT-L-14", "datacomp_xl_s13b_b90k"): ["6509f07e6fc0da68f8e1ee881bf90803f0b053d2f7ed2013cc7c3a49ac4dd3db"],
    ("ViT-H-14", "laion2b_s32b_b79k"): ["9a78ef8e8c73fd0df621682e7a8e8eb36c6916cb3c16b291a082ecd52ab79cc4"],
    ("ViT-g-14", "laion2b_s34b_b88k"): ["9ef136f407986fb607cd37a823eba38a3b6f95e8ec702b3d1687252985d84750"],
    ("ViT-bigG-14", "laion2b_s39b_b160k"): ["0d5318839ad03607c48055c45897c655a14c0276a79f6b867934ddd073760e39"],
    ("ViT-B-32", "openai"): ["a63082132ba4f97a80bea76823f544493bffa8082296d62d71581a4feff1576f"],
    ("ViT-L-14", "openai"): ["f1a17cdbe0f36fec524f5cafb1c261ea3bbbc13e346e0f74fc9eb0460dedd0d3"],
}


def digest(url):
    if "openaipublic" in url:
        return url.split("/")[-2]
    stem = os.path.splitext(os.path.basename(url))[0]
    tail = stem.split("-")[-1]
    return tail if "github.com" in url and len(tail) == 8 else ""


def rows():
    for arch, tags in pretrained._PRETRAINED.items():
        config = get_model_config(arch)
        v, t = config["vision_cfg"], config["text_cfg"]
        if "timm_model_name" in v or "hf_model_name" in t or "multimodal_cfg" in config:
            continue
        if arch.endswith("-quickgelu") and arch[:-len("-quickgelu")] in pretrained._PRETRAINED:
            continue  # the same weights under a second name
        for tag, p in tags.items():
            quick = p.get("quick_gelu", config.get("quick_gelu", False))
            out = dict(
                arch=arch, tag=tag, activation="quick_gelu" if quick else "gelu",
                width=v["width"], layers=" ".join(map(str, v["layers"])) if isinstance(v["layers"], list) else v["layers"], patch=v["patch_size"] or "", image=v["image_size"], text_width=t["width"],
                pool="avg" if v.get("pool_type") == "avg" else "tok",
                resize=p["resize_mode"], interpolation=p["interpolation"],
                mean=" ".join(map(str, p["mean"])), std=" ".join(map(str, p["std"])),
                sha256=digest(p.get("url", "")), file=os.path.basename(p.get("url", "")), hub=p.get("hf_hub", "").strip("/"))
            hashes = HUB_FILES.get((arch, tag), [])
            if tag != "openai" and hashes:
                out["sha256"] = " ".join(hashes)
            yield out
            if arch in HUGGINGFACE and tag == "openai":
                yield dict(out, sha256=" ".join(hashes), file="", hub=HUGGINGFACE[arch])


LICENCES = [  # by the beginning of the tag, as the pages of the weights say
    ("openai", "MIT"), ("laion", "MIT"), ("datacomp1b", "Apache-2.0"), ("datacomp", "MIT"), ("commonpool", "MIT"),
    ("metaclip", "CC BY-NC 4.0"), ("dfn", "Apple's research licence"),
]


def markdown(table):
    merged = {}
    for r in table:
        merged.setdefault((r["arch"], r["tag"]), []).append(r)
    print("| model, tag | published | SHA-256 | licence | activation | pictures | verdict |\n| --- | --- | --- | --- | --- | --- | --- |")
    for (arch, tag), rs in merged.items():
        r = rs[0]
        where = ", ".join(dict.fromkeys(x for q in rs for x in (q["file"], q["hub"]) if x))
        sums = " ".join(dict.fromkeys(h for q in rs for h in q["sha256"].split())) or "-"
        licence = "Apache-2.0" if r["pool"] == "avg" else next((v for k, v in LICENCES if tag.startswith(k)), "-")
        mean = {"0.48145466": "OpenAI's", "0.485": "ImageNet's", "0.5": "0.5"}[r["mean"].split()[0]]
        verdict = "images; texts refused (vocabulary)" if r["pool"] == "avg" or "worldwide" in arch else "images and texts"
        print(f"| {arch}, {tag} | {where} | {sums} | {licence} | {r['activation']} | "
              f"{mean} mean and std, {r['resize']}, {r['interpolation']} | {verdict} |")


if __name__ == "__main__":
    table = list(rows())
    if sys.argv[1:] == ["--markdown"]:
        markdown(table)
        sys.exit()
    w = csv.DictWriter(sys.stdout, fieldnames=list(table[0]), lineterminator="\n")
    w.writeheader()
    w.writerows(table)

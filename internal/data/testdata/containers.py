#!/usr/bin/env python3
"""Writes containers.json, a list of what is in them, and the containers: parquet
files as Hugging Face's datasets library writes them (an Image column, ClassLabel
names in the metadata "huggingface") and webdataset archives.

Run: python3 containers.py   (written with CPython 3.11, pyarrow 26.0.1, Pillow 13)
"""
import hashlib
import io
import json
import random
import tarfile

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

CLASSES = ["ape", "bear", "cat_fish"]
rng = random.Random(5)
golden = {}


def picture(i, kind):
    img = Image.new("RGB", (3 + i % 4, 2 + i % 3), tuple(rng.randrange(256) for _ in range(3)))
    out = io.BytesIO()
    img.save(out, kind)
    return out.getvalue()


def note(name, part, label, content):
    golden.setdefault(name, {}).setdefault(part, []).append({"label": label, "sha256": hashlib.sha256(content).hexdigest()})


def table(rows, labels=("label",), names=CLASSES, described=True):
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    columns = {"image": pa.array([{"bytes": b, "path": f"{i}.png"} for i, (b, _) in enumerate(rows)], image)}
    features = {"image": {"_type": "Image"}}
    for name in labels:
        columns[name] = pa.array([l for _, l in rows], pa.int64())
        features[name] = {"names": names, "_type": "ClassLabel"}
    t = pa.table(columns)
    meta = {"huggingface": json.dumps({"info": {"features": features}})} if described else None
    return t.replace_schema_metadata(meta)


def rows(name, part, n, kind="PNG"):
    out = []
    for i in range(n):
        out.append((picture(i, kind), rng.randrange(3) if i > 2 else i))
        note(name, part, out[-1][1], out[-1][0])
    return out


# Several row groups, small pages, each kind of compression and both page forms.
for name, n, options in [
    ("plain", 11, {"row_group_size": 4, "compression": "none"}),
    ("snappy", 23, {"row_group_size": 10, "compression": "snappy", "data_page_size": 200, "write_batch_size": 2}),
    ("zstd", 12, {"row_group_size": 5, "compression": "zstd", "data_page_version": "2.0"}),
    ("paged", 200, {"row_group_size": 200, "use_dictionary": False, "data_page_size": 100, "write_batch_size": 1, "write_page_index": True}),
]:
    pq.write_table(table(rows(name + ".parquet", "", n)), name + ".parquet", **options)
pq.write_table(table(rows("two.parquet", "", 4), ("fine_label", "coarse_label")), "two.parquet")
pq.write_table(table(rows("bare.parquet", "", 4), described=False), "bare.parquet")


def archive(name, part, members):
    with tarfile.open(name, "w") as tar:
        for member, content in members:
            info = tarfile.TarInfo(member)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def labelled(name, n, label, kind="PNG", suffix="png"):
    out = []
    for i in range(n):
        k = i % 3
        content = picture(i, kind)
        note(name, "", k, content)
        out += [(f"dir.d/s{i:04d}.{suffix}", content), label(f"dir.d/s{i:04d}", k)]
    return out


archive("cls.tar", "", labelled("cls.tar", 7, lambda s, k: (s + ".cls", b"%d\n" % k), "WEBP", "webp"))
archive("json.tar", "", [("._s.png", b"\0\5\26\7"), ("README", b"?")] + labelled(
    "json.tar", 5, lambda s, k: (s + ".json", json.dumps({"label": k, "other": 1.5}).encode())))
archive("txt.tar", "", labelled("txt.tar", 5, lambda s, k: (s + ".txt", CLASSES[k].encode()), "JPEG", "jpg"))
json.dump(golden, open("containers.json", "w"), indent=1)

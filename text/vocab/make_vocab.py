#!/usr/bin/env python3
"""Write merges.z, the byte-pair merges of CLIP's tokenizer in compact form.

Usage: python3 make_vocab.py bpe_simple_vocab_16e6.txt.gz

The input is OpenAI's merge list, shipped inside the Python packages
open-clip-torch (open_clip/bpe_simple_vocab_16e6.txt.gz) and clip-openai; its
SHA-256 is checked. Only the 48,894 merges CLIP uses are kept.

Format of merges.z: a zlib stream of 2 x 48,894 unsigned varints (LEB128, as
Go's encoding/binary), the left and right symbol of each merge in rank order.
Symbol ids are those of the vocabulary: 0..255 the bytes in the order of
byte_order(), 256..511 the same bytes at the end of a word, 512 + r the result
of merge r.
"""

import gzip
import hashlib
import pathlib
import sys
import zlib

SHA256 = "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a"
MERGES = 48894


def byte_order():
    """Bytes in vocabulary order, and the character that stands for each."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in printable]
    chars = [chr(b) for b in printable] + [chr(256 + i) for i in range(len(rest))]
    return printable + rest, chars


def varint(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def main():
    raw = pathlib.Path(sys.argv[1]).read_bytes()
    if hashlib.sha256(raw).hexdigest() != SHA256:
        sys.exit(f"{sys.argv[1]}: not OpenAI's merge list (SHA-256 differs)")
    lines = gzip.decompress(raw).decode("utf-8").split("\n")[1 : 1 + MERGES]

    _, chars = byte_order()
    symbols = chars + [c + "</w>" for c in chars]
    ids = {s: i for i, s in enumerate(symbols)}
    out = bytearray()
    for rank, line in enumerate(lines):
        left, right = line.split()
        # The Go side relies on both: parts come before the whole, and no two
        # merges give the same symbol.
        assert ids[left] < 512 + rank and ids[right] < 512 + rank
        assert left + right not in ids
        ids[left + right] = 512 + rank
        out += varint(ids[left]) + varint(ids[right])
    assert len(ids) == 49406

    target = pathlib.Path(__file__).with_name("merges.z")
    target.write_bytes(zlib.compress(bytes(out), 9))
    print(f"{target.name}: {len(lines)} merges, {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()

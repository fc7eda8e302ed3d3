#!/usr/bin/env python3
"""Write golden.gz: what ftfy and Python's html module do, table by table.

Usage: python3 make_golden.py > golden.gz

The file in the tree was written with Python 3.12.1 and ftfy 6.3.1. Lines are
fields separated by spaces, strings as the hexadecimal of their UTF-8 ("-" if
empty):

    encoding NAME TEXT    the 256 characters of a one-byte encoding
    entity TEXT STRICT LOOSE
                          a character reference, after ftfy's unescape_html and
                          after html.unescape
    alphabet TEXT         characters that occur in mojibake, and some others
    bad BITS              for the next character a of the alphabet: for every b,
                          whether a + b looks like mojibake
    width TEXT FIXED      U+FF00 to U+FFEF after fix_character_width
    control TEXT          what remove_control_chars removes
"""

import gzip
import html.entities
import sys

from ftfy import badness, chardata, fixes


def enc(text):
    return text.encode("utf-8").hex() or "-"


def references():
    for name in sorted(html.entities.html5):
        bare = name.rstrip(";")
        yield from sorted({name, name.upper(), bare, bare + "x;"})
    for code in [*range(0x180), *range(0xD7FE, 0xD802), *range(0xDFFE, 0xE002), *range(0xFDCE, 0xFDF2),
                 *range(0xFFF8, 0x10002), 0x1FFFF, 0x10FFFD, 0x10FFFE, 0x110000, 10**30]:  # fmt: skip
        yield f"#{code};"
        yield f"#x{code:X};"
        yield f"#{code}"


def alphabet():
    chars = set("azAZ09_ .,?!;\n\t")
    for spec in badness.MOJIBAKE_CATEGORIES.values():
        for i, c in enumerate(spec):
            if c == "-":
                chars.update(map(chr, range(ord(spec[i - 1]), ord(spec[i + 1]) + 1)))
            else:
                chars.add(c)
    return "".join(sorted(chars))


def lines():
    for name in chardata.CHARMAP_ENCODINGS:
        yield "encoding", name.removeprefix("sloppy-"), enc(bytes(range(256)).decode(name))
    for ref in references():
        text = "&" + ref
        yield "entity", enc(text), enc(fixes.unescape_html(text)), enc(html.unescape(text))
    chars = alphabet()
    yield "alphabet", enc(chars)
    for a in chars:
        yield "bad", "".join("01"[badness.is_bad(a + b)] for b in chars)
    wide = "".join(map(chr, range(0xFF00, 0xFFF0))) + "\u3000"
    yield "width", enc(wide), enc(fixes.fix_character_width(wide))
    yield "control", enc("".join(c for c in map(chr, range(0x110000)) if not fixes.remove_control_chars(c)))


def main():
    text = "".join(" ".join(line) + "\n" for line in lines())
    with gzip.GzipFile(fileobj=sys.stdout.buffer, mode="wb", compresslevel=9, mtime=0) as f:
        f.write(text.encode())


if __name__ == "__main__":
    main()

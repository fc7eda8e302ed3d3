#!/usr/bin/env python3
"""Write strings with the token ids OpenAI's tokenizer gives them.

Usage: python3 make_golden.py COUNT OUT.gz [SEED]

    python3 make_golden.py 2000 golden.gz            # the file in the tree
    python3 make_golden.py 100000 cases.gz 1         # the long check:
    CLIPCALIB_TOKENIZER_CASES=$PWD/cases.gz go test -v -run TestTokenizerCases ./text

Needs ftfy, regex and clip-openai (for OpenAI's simple_tokenizer.py; torch is
not needed). golden.gz was written with Python 3.12.1, ftfy 6.3.1, regex
2026.11.15 and clip-openai 1.0.post20230121.

The strings are drawn from many scripts, emoji, HTML entities, control
characters, mojibake of one to three layers and plain noise. Every line holds,
separated by tabs: the kind of string; its UTF-8 in hexadecimal (surrogates
encoded as they are); the same for the text as ftfy repairs it, "=" if it is the
same; the token ids, separated by spaces.
"""

import gzip
import html.entities
import importlib.util
import pathlib
import random
import sys
import unicodedata

import ftfy
from ftfy import badness


def load_tokenizer():
    """OpenAI's SimpleTokenizer, without the rest of its package."""
    package = importlib.util.find_spec("clip")
    path = pathlib.Path(package.submodule_search_locations[0]) / "simple_tokenizer.py"
    spec = importlib.util.spec_from_file_location("simple_tokenizer", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.SimpleTokenizer()


SENTENCES = """
a photo of a great white shark.
Der schnelle braune Fuchs springt über den faulen Hund; größer, süßer, Öl, Äpfel.
Voilà l'été: où est le garçon naïf? C'est déjà à la mode, cœur et œuvre, l’île « sûre ».
El niño comió una piña en la montaña. ¿Qué pasó? ¡Está aquí!
À procura de informação: às vezes, àquele coração não, àquilo sim.
Příliš žluťoučký kůň úpěl ďábelské ódy.
Zażółć gęślą jaźń.
Árvíztűrő tükörfúrógép.
Pijamalı hasta yağız şoföre çabucak güvendi. İSTANBUL'da ılık.
Съешь же ещё этих мягких французских булок, да выпей чаю.
Їжак їсть ґудзик; Ђорђе и Љубица.
Ξεσκεπάζω την ψυχοφθόρα βδελυγμία. ΟΔΥΣΣΕΥΣ ΣΟΦΟΣ ΑΣ Σ.
كل عام وأنتم بخير يا أصدقائي ١٢٣
שלום עולם, מה שלומך?
यह एक तस्वीर है। नमस्ते दुनिया १२३
এটি একটি ছবি। தமிழ் எழுத்து தெலుగు ಕನ್ನಡ മലയാളം
ภาพถ่ายของแมวสีขาว ๑๒๓
这是一张大白鲨的照片。中文字符，标点！
これは猫の写真です。カタカナ ｶﾞﾀｶﾅ ひらがな
한국어 문장입니다. 고양이 사진
Tiếng Việt: Một bức ảnh của con mèo đẹp.
ქართული ენა, Հայերեն լեզու, አማርኛ ቋንቋ
“Curly quotes” and ‘single’ – dashes — ellipsis… €100 £50 ¥30 ©2024 ®™ §5 ¶ • † ‡ ‰
½ cup, 3² + 4² = 5², ±1 µm, 20 °C, 5×3÷2 ≠ ∞ ≤ ≥ √2 ∑ ∏ ∫ ≈ Ω
I'm sure they'll say it's what we've got, don't you'd 're IT'S WE'LL
hello_world foo-bar a.b.c e-mail@example.com https://example.com/?a=1&b=2&copy=3
Ångström, smörgåsbord, blåbær, þorn ÐÞ ðæð Łódź Ħal Ŋ ĸ
""".strip().split("\n")

EMOJI = (
    "😀 😂 ❤️ 👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈 🇩🇪 🇺🇳 1️⃣ #️⃣ 🏴󠁧󠁢󠁷󠁬󠁳󠁿 👨🏿‍🚀 ☃️ ☕ ✈ ♻️ ™️ ©️ 🫠 🪿 🥹 🧑‍🦽‍➡️ ‼️ ㊗️ 🈶 Ⓜ️ 🅰️"
).split()

BLOCKS = [
    (0x20, 0x7E), (0xA0, 0xFF), (0x100, 0x24F), (0x250, 0x2FF), (0x300, 0x36F), (0x370, 0x3FF),
    (0x400, 0x52F), (0x530, 0x58F), (0x590, 0x5FF), (0x600, 0x6FF), (0x700, 0x74F), (0x780, 0x7FF),
    (0x900, 0x97F), (0x980, 0x9FF), (0xA00, 0xAFF), (0xB00, 0xBFF), (0xC00, 0xCFF), (0xD00, 0xDFF),
    (0xE00, 0xEFF), (0xF00, 0xFFF), (0x1000, 0x10FF), (0x1100, 0x11FF), (0x1200, 0x139F),
    (0x13A0, 0x13FF), (0x1400, 0x167F), (0x1680, 0x16FF), (0x1780, 0x17FF), (0x1800, 0x18AF),
    (0x1A00, 0x1AFF), (0x1B00, 0x1BFF), (0x1C80, 0x1CBF), (0x1D00, 0x1DFF), (0x1E00, 0x1EFF),
    (0x1F00, 0x1FFF), (0x2000, 0x206F), (0x2070, 0x209F), (0x20A0, 0x20CF), (0x20D0, 0x20FF),
    (0x2100, 0x218F), (0x2190, 0x23FF), (0x2460, 0x24FF), (0x2500, 0x27BF), (0x2C00, 0x2DFF),
    (0x2E80, 0x303F), (0x3040, 0x30FF), (0x3100, 0x33FF), (0x4E00, 0x9FFF), (0xA000, 0xA4CF),
    (0xA640, 0xA7FF), (0xA800, 0xABFF), (0xAC00, 0xD7FF), (0xE000, 0xE0FF), (0xF900, 0xFAFF),
    (0xFB00, 0xFDFF), (0xFE00, 0xFEFF), (0xFF00, 0xFFFF), (0x10000, 0x1047F), (0x10900, 0x10FFF),
    (0x11000, 0x1167F), (0x12000, 0x1247F), (0x16A00, 0x16FFF), (0x1B000, 0x1B2FF), (0x1D100, 0x1D7FF),
    (0x1E900, 0x1E95F), (0x1F000, 0x1FAFF), (0x20000, 0x2A6DF), (0xE0000, 0xE01EF),
]

ENCODINGS = [
    "latin-1", "sloppy-windows-1252", "sloppy-windows-1251", "sloppy-windows-1250",
    "sloppy-windows-1253", "sloppy-windows-1254", "sloppy-windows-1257", "iso-8859-2",
    "macroman", "cp437",
]  # fmt: skip

CONTROLS = [chr(c) for c in [*range(0x20), *range(0x7F, 0xA1)]] + list(
    "\u00ad\u061c\u115f\u180e\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202a\u202e\u202f\u205f\u2060"
    "\u206a\u206f\u3000\ufeff\ufff9\ufffb\ufffc\ufffd\uffff\u1680\u2003\u0345\u034f"
)
ENTITIES = sorted(html.entities.html5)
MOJIBAKE = sorted(
    {
        chr(c)
        for chars in badness.MOJIBAKE_CATEGORIES.values()
        for pair in zip(chars, chars[1:] + "\0", chars[2:] + "\0\0")
        for c in (range(ord(pair[0]), ord(pair[2]) + 1) if pair[1] == "-" else [ord(pair[0])])
    }
)
CASES = (
    "İ ı ſ K Å ß ẞ Σ ς σ ΑΣ ΑΣΑ ΑΣ. Α'Σ Σ' ΆΣ\u0301 ǅ ǈ ŉ ﬀ ﬆ ﬅ Ǆ ᾳ ᾼ ͅ Ⅷ ⓐ Ⓐ 𐐀 Ა ა Ꭰ ꭰ 'S 'ſ 'LL 'RE 'Ve 'M 'D 'T "
    "<|startoftext|> <|endoftext|> <|ENDOFTEXT|> <|ſtartoftext|> <|endoftext |> </w> <start_of_text> ' '' 's' ²³ ½ Ⅳ ①"
).split(" ")


class Strings:
    """Draws strings, one method for each kind."""

    def __init__(self, rng):
        self.rng = rng

    def words(self):
        r = self.rng
        words = r.choice(SENTENCES).split(" ")
        start = r.randrange(len(words))
        return " ".join(words[start : start + r.randint(1, 6)])

    def block(self, low=1, high=12):
        r = self.rng
        first, last = r.choice(BLOCKS)
        return "".join(chr(r.randint(first, last)) for _ in range(r.randint(low, high)))

    def prompt(self):
        template = self.rng.choice(["a photo of a %s.", "itap of the %s", "%s texture.", "A %s, a type of food."])
        return template % self.words()

    def scripts(self):
        r = self.rng
        parts = [self.block() for _ in range(r.randint(1, 5))]
        return "".join(p + r.choice(["", " ", " ", ", ", "7", "-"]) for p in parts)

    def emoji(self):
        r = self.rng
        return "".join(r.choice(EMOJI + [self.words(), " ", "\u200d", "\ufe0f"]) for _ in range(r.randint(1, 6)))

    def entity(self):
        r = self.rng
        kind = r.randrange(8)
        name = r.choice(ENTITIES)
        if kind == 0:
            return "&" + name
        if kind == 1:
            return "&" + name.rstrip(";") + r.choice(["", " ", "x", "1", ";;"])
        if kind == 2:
            return "&" + name.upper()
        if kind == 3:
            return "&amp;" * r.randint(1, 3) + name
        if kind == 4:
            code = r.choice([r.randrange(0x100), r.randrange(0x3000), r.randrange(0x120000), r.randrange(10**12)])
            return "&#" + r.choice([f"{code}", f"x{code:x}", f"X{code:X}", f"0{code}"]) + r.choice([";", "", " "])
        if kind == 5:
            return "&" + "".join(r.choice("abctlAGP#x10;& é") for _ in range(r.randint(0, 40)))
        if kind == 6:
            return "&" + name[: r.randint(1, len(name))]
        return r.choice(["&lt;b&gt;", "<b>", "&amp;lt;", "&#39;s", "&quot;", "&nbsp;", "&AMP;", "&GT", "&notit;", "&NotEqualTilde;"])

    def entities(self):
        r = self.rng
        parts = [self.entity() if r.random() < 0.6 else self.words() for _ in range(r.randint(1, 5))]
        return r.choice(["", " ", "\n"]).join(parts) + ("\n<p>&eacute;" if r.random() < 0.1 else "")

    def controls(self):
        r = self.rng
        out = []
        for _ in range(r.randint(1, 8)):
            out.append(r.choice([self.words(), r.choice(CONTROLS), r.choice(CONTROLS), "\r\n", "\x1b[31;1m", "\x1b[", "\x1b[٣m"]))
        return "".join(out)

    def misread(self, text):
        """text in UTF-8, read in a one-byte encoding, perhaps damaged further."""
        r = self.rng
        for _ in range(r.choice([1, 1, 1, 2, 2, 3])):
            raw = text.encode("utf-8", "surrogatepass")
            if r.random() < 0.1:  # CESU-8
                raw = b"".join(
                    c.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "surrogatepass").encode("utf-8", "surrogatepass")
                    if ord(c) < 0x10000
                    else b"".join(chr(int.from_bytes(h, "big")).encode("utf-8", "surrogatepass") for h in (c.encode("utf-16-be")[:2], c.encode("utf-16-be")[2:]))
                    for c in text
                )
            text = raw.decode(r.choice(ENCODINGS[:2] * 4 + ENCODINGS))
        damage = r.randrange(8)
        if damage == 0:
            text = text.replace("\xa0", " ")
        elif damage == 1:
            text = "".join("\ufffd" if "\x80" <= c <= "\x9f" else c for c in text)
        elif damage == 2:
            text = "".join("?" if "\x80" <= c <= "\x9f" else c for c in text)
        elif damage == 3 and text:
            at = r.randrange(len(text))
            text = text[:at] + r.choice(["\ufffd", "?", " ", ""]) + text[at + 1 :]
        elif damage == 4:
            text = text.upper() if r.random() < 0.3 else text.lower()
        return text

    def mojibake(self):
        return self.misread(self.rng.choice([self.words, self.words, self.prompt, self.emoji, self.scripts])())

    def mixed(self):
        """Mojibake beside sound text."""
        r = self.rng
        parts = [self.mojibake() if r.random() < 0.5 else self.words() for _ in range(r.randint(2, 4))]
        return r.choice([" ", " ", "", "\n"]).join(parts)

    def unlikely(self):
        """Characters that occur in mojibake, in any order."""
        r = self.rng
        pool = MOJIBAKE + list("abcxyzABCÂÃÎÐØÙâàв   .,?!0_\n") * 4
        return "".join(r.choice(pool) for _ in range(r.randint(2, 10)))

    def forms(self):
        """Width, ligatures, quotes and normal forms."""
        r = self.rng
        text = self.words()
        form = r.randrange(5)
        if form == 0:
            return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)
        if form == 1:
            return unicodedata.normalize(r.choice(["NFD", "NFKD", "NFKC"]), text)
        if form == 2:
            return "".join(c + "".join(chr(r.randint(0x300, 0x36F)) for _ in range(r.randrange(3))) for c in text)
        if form == 3:
            return text.replace("f", "ﬁ").replace("l", "ﬂ").replace("e", "\u2019").replace("a", "“")
        return "".join(chr(r.randint(0xFF00, 0xFFEF)) for _ in range(r.randint(1, 8)))

    def casing(self):
        r = self.rng
        parts = [r.choice(CASES) if r.random() < 0.8 else self.words().upper() for _ in range(r.randint(1, 6))]
        return r.choice(["", " ", "'"]).join(parts)

    def noise(self):
        r = self.rng
        return "".join(chr(r.choice([r.randrange(0x80), r.randrange(0x800), r.randrange(0x10000), r.randrange(0x110000)])) for _ in range(r.randint(1, 10)))

    def latin(self):
        r = self.rng
        return bytes(r.randrange(256) for _ in range(r.randint(1, 12))).decode(r.choice(ENCODINGS))

    def long(self):
        r = self.rng
        piece = r.choice(["a", "ab", "é", "中", self.words().replace(" ", ""), self.block(2, 4), "'", "!?", "12"])
        return piece * r.randint(5, 40)


KINDS = [
    "prompt", "scripts", "emoji", "entities", "controls", "mojibake", "mixed", "unlikely",
    "forms", "casing", "noise", "latin", "long",
]  # fmt: skip


def main():
    count, target = int(sys.argv[1]), sys.argv[2]
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    strings = Strings(random.Random(seed))
    tokenizer = load_tokenizer()
    lines = []
    for i in range(count):
        kind = KINDS[i % len(KINDS)]
        text = getattr(strings, kind)()
        fixed = ftfy.fix_text(text)
        ids = tokenizer.encode(text)
        encoded = [s.encode("utf-8", "surrogatepass").hex() for s in (text, fixed)]
        if fixed == text:
            encoded[1] = "="
        lines.append("\t".join([kind, *encoded, " ".join(map(str, ids))]) + "\n")
    with gzip.GzipFile(target, "wb", 9, mtime=0) as f:
        f.write("".join(lines).encode())


if __name__ == "__main__":
    main()

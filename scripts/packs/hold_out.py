"""Which pictures the pretraining pool may not hold: two rules.

HoldDrawings, the rule of the model that ships. As for CLIP itself, pictures are
held out and not concepts: of the emoji task's val and test folds the drawings
of the five styles, of the shots fold those of the source style. A drawing is
known by the font it is of, whichever package or release it comes from (FONTS),
with the concept's code point or name; and by its looks: see looks_alike in
pool_paint.py, which also takes other fonts' drawings that are nearly the same.
Of a part of the pretrain fold's concepts (reserved) the five styles' drawings
are kept aside to fit the scale on.

HoldOut, the stricter rule of the model before it. A picture is kept out when,
for any concept of the emoji task's shots, val or test fold (rules 2 and 3: of
the folds in `named`, all three by default),

 1. its code point is the concept's (any vendor, any skin tone), or
 2. the bag of words of its name, style words set aside, is the bag of one of
    the concept's names, or
 3. that bag contains all the words of one of the concept's names ("red-apple-2"
    holds "apple"; "file-lock-outline" holds "lock"), unless the name is one
    word of GENERIC, where only rule 2 applies. Words run together count too:
    "classicalbuilding" is "classical building", "carbattery" holds "battery".
 4. it looks like a drawing of the concept: see looks_alike in pool_paint.py.

A concept's names are every name a vendor or CLDR gives it, singular, with and
without words such as "face", "button" or "man". The rule errs towards keeping
out: a picture of anything that shares its name with a held concept goes too.
What it cannot see is another drawing of a held concept under another name.
"""

import hashlib
import re

HELD = ("shots", "val", "test")
RESERVED = "reserved"

# Sets that are releases of the five styles' fonts, and the folds held of each.
FONTS = {
    **dict.fromkeys(("noto-datasource", "noto", "noto-v1"), ("shots", "val", "test", RESERVED)),
    **dict.fromkeys(("twemoji-datasource", "twemoji", "fluent-emoji", "fluent-3d", "fluent-flat",
                     "fluent-high-contrast"), ("val", "test", RESERVED)),
}

# Words that say how an icon is drawn, not what it shows.
STYLE = set("""
outline outlined outlines duotone duo filled fill regular bold sharp thin rounded round
solid line linear lineal light medium dark tone twotone skin alt alternate remix baseline
broken simple minimalistic flat stroke ios android md bx bxs color colored colour variant
rtl ltr mini micro small large big 24px 16px 32px 20px 12px 48px icon icons glyph
fluent streamline emoji free ui sf
""".split())

# One-word names that are also frames, directions, people in general, or the
# words of the classes themselves: containing one says little of the picture.
GENERIC = set("""
circle square triangle diamond rectangle person people man woman men women child boy girl
baby hand heart phone book clock paper computer arrow tool sign warning face back top end
stop play pause label date note link short off on hot cold office record repeat up down
left right light index sound map data mark
""".split())

OPTIONAL = set("""
face sign symbol button black white heavy man woman person people of with the a in and
""".split())


def singular(w):
    if len(w) > 4 and w.endswith("ies"):
        return w[:-3] + "y"
    if len(w) > 3 and w.endswith("s") and not w.endswith(("ss", "us", "is")):
        return w[:-1]
    return w


def raw_words(name):
    """Lower-case words of a name, numbers at a word's end or alone dropped."""
    name = re.sub(r"([a-z])([A-Z])", r"\1 \2", name)
    found = re.findall(r"[a-z0-9]+", name.lower().replace("’", "").replace("'", ""))
    return [w for w in (w.rstrip("0123456789") for w in found) if w]


def words(name):
    """raw_words in the singular."""
    return [singular(w) for w in raw_words(name)]


def spoken(name):
    """A name's words as a caption says them: no style words, no single letters."""
    return [w for w in raw_words(name) if w not in STYLE and len(w) > 1]


def content(name):
    """spoken in the singular, for comparing names."""
    return [singular(w) for w in spoken(name)]


def aliases(concept):
    """The bags of words that name a concept."""
    found = set()
    for name in concept["names"]:
        bag = frozenset(w for w in words(name) if len(w) > 1)
        if bag:
            found.add(bag)
        rest = bag - OPTIONAL
        if rest and sum(map(len, rest)) > 2:
            found.add(rest)
    return found


class HoldOut:
    """Answers whether a picture may be used, and counts why not."""

    def __init__(self, concepts, named=HELD):
        self.codes, self.exact, self.contained = set(), set(), {}
        self.single, self.joined = set(), set()
        for c in concepts:
            if c["fold"] not in HELD:
                continue
            self.codes.add(c["code"])
            if c["fold"] not in named:
                continue
            for bag in aliases(c):
                self.exact.add(bag)
                if len(bag) == 1 and bag & GENERIC:
                    continue
                self.contained.setdefault(max(sorted(bag), key=len), []).append(bag)
                if len(bag) == 1:
                    self.single.update(w for w in bag if len(w) >= 5)
            for name in c["names"]:
                run = "".join(raw_words(name))
                if len(run) >= 8:
                    self.joined.add(run)
        self.counts = {"code point": 0, "same name": 0, "name contained": 0}

    def reason(self, name, code=None):
        """None, or which part of the rule keeps the picture out."""
        if code is not None:
            bare = "-".join(p for p in code.split("-") if not re.fullmatch("1f3f[b-f]", p))
            if bare in self.codes:
                return "code point"
        bag = frozenset(content(name))
        if bag in self.exact or frozenset(words(name)) in self.exact:
            return "same name"
        for w in bag:
            if any(held <= bag for held in self.contained.get(w, ())):
                return "name contained"
            if any(w[:n] in self.single or w[-n:] in self.single for n in range(5, len(w))):
                return "name contained"
        run = "".join(raw_words(name))
        if any(run[i:j] in self.joined for i in range(len(run)) for j in range(i + 8, len(run) + 1)):
            return "name contained"
        return None

    def admits(self, name, code=None, source=None):
        why = self.reason(name, code)
        if why:
            self.counts[why] += 1
        return why is None


class HoldDrawings:
    """As HoldOut, but by drawing: of the fonts in FONTS the folds held of each,
    of other sets nothing but what looks alike."""

    def __init__(self, concepts):
        by_folds = {folds: HoldOut([dict(c, fold="val") for c in concepts if c["fold"] in folds])
                    for folds in set(FONTS.values())}
        self.of_set = {s: by_folds[folds] for s, folds in FONTS.items()}
        self.counts = {"code point": 0, "same name": 0}

    def admits(self, name, code=None, source=None):
        font = self.of_set.get(source)
        why = font and font.reason(name, code)
        if why not in self.counts:  # a name that merely contains another's is another drawing
            return True
        self.counts[why] += 1
        return False


def reserve(concepts, one_in):
    """Moves every one_in-th family of the pretrain fold to RESERVED, by hash."""
    for c in concepts:
        digest = hashlib.sha256(f"clipcalib-reserved-1|{c['family']}".encode()).digest()
        if c["fold"] == "pretrain" and digest[0] % one_in == 0:
            c["fold"] = RESERVED

"""Broader words for a name, from WordNet 3.0's nouns.

Reads data.noun and index.noun of Debian's wordnet-base (1:3.0-37, unpacked
with `dpkg -x`). The first sense of a word that is no proper name is followed,
except that a fruit or vegetable among the first three wins over the tree it
grows on. Wrong at times, right for most things icons show.
"""

import os

import hold_out

# (lemma, sense number) -> how a caption calls its members.
CATEGORIES = {
    ("mammal", 1): ["mammal", "animal"], ("bird", 1): ["bird", "animal"],
    ("insect", 1): ["insect", "bug"], ("arthropod", 1): ["bug", "insect"],
    ("fish", 1): ["fish", "sea animal"], ("crustacean", 1): ["sea animal"],
    ("mollusk", 1): ["sea animal"], ("reptile", 1): ["reptile"],
    ("amphibian", 3): ["reptile", "amphibian"], ("animal", 1): ["animal"],
    ("flower", 1): ["flower", "flower or plant"], ("tree", 1): ["tree", "plant"],
    ("plant", 2): ["plant", "flower or plant"], ("edible_fruit", 1): ["fruit"],
    ("vegetable", 1): ["vegetable"], ("dessert", 1): ["dessert"],
    ("confection", 1): ["dessert", "sweet"], ("cake", 3): ["dessert"],
    ("baked_goods", 1): ["baked food"], ("dish", 2): ["meal", "dish"],
    ("meal", 1): ["meal"], ("bread", 1): ["food", "meal"], ("meat", 1): ["food", "meal"],
    ("beverage", 1): ["drink"], ("glass", 2): ["glass", "drink"], ("cup", 1): ["cup", "drink"],
    ("food", 1): ["food"], ("food", 2): ["food"],
    ("wheeled_vehicle", 1): ["vehicle", "land vehicle"],
    ("public_transport", 1): ["vehicle", "land vehicle"], ("tower", 1): ["building"],
    ("aircraft", 1): ["aircraft"], ("vessel", 2): ["boat", "ship"], ("vehicle", 1): ["vehicle"],
    ("building", 1): ["building"], ("house", 1): ["building"], ("structure", 1): ["structure"],
    ("geological_formation", 1): ["landscape"], ("body_of_water", 1): ["landscape"],
    ("atmospheric_phenomenon", 1): ["weather"],
    ("weather", 1): ["weather"], ("clothing", 1): ["clothing", "piece of clothing"],
    ("footwear", 1): ["shoe", "clothing"], ("footwear", 2): ["shoe", "clothing"],
    ("headdress", 1): ["hat", "clothing"], ("garment", 1): ["clothing", "piece of clothing"],
    ("jewelry", 1): ["jewelry"], ("bag", 4): ["bag"], ("bag", 1): ["bag"],
    ("musical_instrument", 1): ["musical instrument"], ("tool", 1): ["tool"],
    ("weapon", 1): ["weapon"], ("furniture", 1): ["furniture", "household object"],
    ("home_appliance", 1): ["household object", "appliance"],
    ("kitchen_utensil", 1): ["kitchen utensil", "household object"],
    ("container", 1): ["container"], ("sport", 1): ["sport"],
    ("sports_equipment", 1): ["sport", "sports equipment"], ("ball", 1): ["ball", "sport"],
    ("game", 1): ["game"], ("external_body_part", 1): ["body part"], ("body_part", 1): ["body part"],
    ("athlete", 1): ["athlete", "person"], ("person", 1): ["person"],
    ("timepiece", 1): ["clock"], ("book", 2): ["book", "book or paper"],
    ("publication", 1): ["publication", "book or paper"], ("document", 1): ["document", "book or paper"],
    ("paper", 1): ["paper", "book or paper"], ("computer", 1): ["computer", "computer or phone"],
    ("telephone", 1): ["phone", "computer or phone"],
    ("electronic_equipment", 1): ["electronic device", "computer or phone"],
    ("camera", 1): ["camera"], ("writing_implement", 1): ["pen", "office supply"],
    ("fastener", 2): ["fastener", "office supply"], ("lock", 1): ["lock", "office supply"],
    ("plane_figure", 1): ["geometric shape"], ("solid", 3): ["geometric shape"],
    ("celestial_body", 1): ["celestial body"], ("plaything", 1): ["toy"],
    ("medicine", 2): ["medicine"], ("coin", 1): ["money"], ("currency", 1): ["money"],
    ("signboard", 1): ["sign"], ("machine", 1): ["machine"],
}


class WordNet:
    def __init__(self, folder):
        self.senses, self.up = {}, {}
        with open(os.path.join(folder, "index.noun"), encoding="ascii") as f:
            for line in f:
                if line.startswith(" "):
                    continue
                parts = line.split()
                count = int(parts[2])
                self.senses[parts[0]] = parts[-count:]
        with open(os.path.join(folder, "data.noun"), encoding="ascii") as f:
            for line in f:
                if line.startswith(" "):
                    continue
                parts = line.split(" | ")[0].split()
                at = 4 + 2 * int(parts[3], 16)
                links = [parts[i:i + 4] for i in range(at + 1, at + 1 + 4 * int(parts[at]), 4)]
                self.up[parts[0]] = [p[1] for p in links if p[0] == "@"]
        self.category = {}
        for (lemma, sense), names in CATEGORIES.items():
            self.category[self.senses[lemma][sense - 1]] = names

    def find(self, words):
        """The senses of a phrase, its last word as given or in the singular."""
        whole = "_".join(words)
        return self.senses.get(whole) or self.senses.get(
            "_".join([*words[:-1], hold_out.singular(words[-1])]))

    def categories(self, words):
        """Names of the nearest listed broader things of the longest ending of
        words that WordNet knows; none when it knows none."""
        for start in range(len(words)):
            senses = self.find(words[start:])
            senses = [s for s in senses or [] if self.up[s]][:3]
            for s in senses:
                found = self._nearest(s)
                if "fruit" in found or "vegetable" in found:
                    return found
            if senses:
                return self._nearest(senses[0])
        return []

    def _nearest(self, synset):
        level, seen = [synset], set()
        for _ in range(12):
            found = [n for s in level for n in self.category.get(s, [])]
            if found:
                return list(dict.fromkeys(found))
            seen.update(level)
            level = [u for s in level for u in self.up.get(s, []) if u not in seen]
        return []

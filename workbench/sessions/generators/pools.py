"""Names and words that generators draw from. No word of a pool stands in the prose of ``prose.py``."""

from __future__ import annotations

import random
import re

FIRST = (
    "Ada", "Bruno", "Carla", "Dario", "Elsa", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kira", "Levin", "Mila",
    "Nico", "Olga", "Pavel", "Quirin", "Rosa", "Samir", "Tilda", "Ugo", "Vera", "Wanda", "Xenia", "Yusuf", "Zoe",
    "Anton", "Bela", "Clemens", "Dora", "Emil", "Flora", "Gustav", "Helene", "Ivan", "Jana", "Karim", "Luisa",
    "Marek", "Nadia", "Oskar", "Petra", "Ruben", "Selma", "Timo", "Ulla", "Viktor", "Wilma", "Yara", "Zeno",
)  # fmt: skip
LAST = (
    "Abel", "Brandt", "Castillo", "Dorn", "Eklund", "Ferro", "Grimm", "Halvorsen", "Ivanov", "Jansson", "Keller",
    "Lindqvist", "Moreau", "Novak", "Okafor", "Petrov", "Quist", "Rossi", "Sandoval", "Tanaka", "Urban", "Varga",
    "Weiss", "Xu", "Yilmaz", "Zeller", "Almeida", "Bergman", "Cohen", "Duarte", "Erdos", "Fischer", "Garnier",
    "Horvat", "Iversen", "Jokinen", "Kowalski", "Lopes", "Mancini", "Nakamura",
)  # fmt: skip
CITIES = (
    "Lisbon", "Tromso", "Graz", "Porto", "Ghent", "Bergen", "Turin", "Leipzig", "Tartu", "Malmo", "Krakow", "Split",
    "Bilbao", "Nantes", "Basel", "Cork", "Aarhus", "Tampere", "Brno", "Gdansk", "Verona", "Uppsala", "Linz", "Utrecht",
)  # fmt: skip
COLOURS = ("crimson", "amber", "teal", "violet", "ivory", "indigo", "scarlet", "olive", "turquoise", "maroon")
ANIMALS = (
    "otter", "heron", "badger", "lynx", "falcon", "hedgehog", "beaver", "marten", "swallow", "salmon", "raven", "moose",
    "weasel", "pelican", "gecko", "walrus", "bison", "cricket", "hornet", "tortoise",
)  # fmt: skip
OBJECTS = (
    "lantern", "compass", "teapot", "hammer", "mirror", "saddle", "trumpet", "anchor", "blanket", "chisel", "drum",
    "envelope", "funnel", "goblet", "hinge", "inkwell", "jigsaw", "kettle", "locket", "magnet", "needle", "oar",
    "pillow", "quill", "ribbon", "scissors", "telescope", "vase", "whistle", "zipper", "abacus", "bellows", "cradle",
    "dagger", "easel", "flask", "gong", "harp", "icicle", "jewel", "kayak", "lever", "mallet", "nutmeg", "obelisk",
    "parcel", "rudder", "spindle", "thimble", "urn",
)  # fmt: skip
JOBS = (
    "glazier", "botanist", "cartographer", "midwife", "beekeeper", "translator", "surveyor", "pharmacist", "luthier",
    "archivist", "welder", "geologist", "sommelier", "optician", "potter", "stonemason", "meteorologist", "tailor",
)  # fmt: skip
HOBBIES = (
    "fencing", "origami", "rowing", "juggling", "calligraphy", "bouldering", "chess", "astronomy", "pottery",
    "salsa dancing", "woodcarving", "orienteering", "ice skating", "archery", "gardening", "birdwatching",
)  # fmt: skip
SUBJECTS = (
    "chemistry", "linguistics", "architecture", "physics", "economics", "musicology", "law", "medicine", "philosophy",
    "forestry", "history", "statistics",
)  # fmt: skip
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SYLLABLES = ("ba", "dor", "fen", "gil", "har", "jo", "kel", "lum", "mo", "nar", "pel", "quo", "ris", "sol", "tem",
              "vul", "wex", "yor", "zan", "cri", "dru", "fla", "gro", "ske", "tri")  # fmt: skip


def people(r: random.Random, n: int) -> list[str]:
    """``n`` different full names; middle initials keep them apart where there are very many."""
    names = [f"{first} {last}" for first in FIRST for last in LAST]
    if n <= len(names):
        return r.sample(names, n)
    found = dict.fromkeys(r.sample(names, len(names)))
    while len(found) < n:
        found[f"{r.choice(FIRST)} {r.choice(_LETTERS)}. {r.choice(_LETTERS)}. {r.choice(LAST)}"] = None
    return list(found)


def first_names(r: random.Random, n: int) -> list[str]:
    """``n`` different first names, or where there are not so many, full ones."""
    return r.sample(FIRST, n) if n <= len(FIRST) else people(r, n)


def made_up(r: random.Random, n: int, syllables: int = 3) -> list[str]:
    """``n`` different words that no language has."""
    syllables += n > len(_SYLLABLES) ** syllables // 4
    found: dict[str, None] = {}
    while len(found) < n:
        found["".join(r.choices(_SYLLABLES, k=syllables))] = None
    return list(found)


def codes(r: random.Random, n: int, length: int = 8) -> list[str]:
    """``n`` different strings of hexadecimal digits with a letter in front."""
    found: dict[str, None] = {}
    while len(found) < n:
        found["k" + "".join(r.choices("0123456789abcdef", k=length - 1))] = None
    return list(found)


def with_articles(text: str) -> str:
    """``a`` as "an" where the next word begins with a vowel."""
    return re.sub(r"\ba (?=[aeiou])", "an ", text)


def ordinal(n: int) -> str:
    """``1`` as "1st"."""
    ending = "th" if 10 <= n % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"


def listed(words: list[str]) -> str:
    """``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"

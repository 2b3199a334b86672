"""Not knowing: does the answer as a whole claim that the session never told it?

The claim is looked for, not a word of it: an answer that first says something else ("Rome; the exact date is not
given", "the Tomb of the Unknown Soldier") does not claim it. How a language says it stands in a file of its own,
``resources/not_knowing/<language>.txt``: English, German, French, Spanish, Portuguese, Italian, Russian, Chinese,
Japanese and Korean; LongMemEval's and LoCoMo's own wordings are among them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from workbench.paths import resources
from workbench.probes.leads import final
from workbench.probes.text import plain


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of an answer: ``contrast`` when a "but" leads to it, ``conceded`` when it is an "although"."""

    text: str
    contrast: bool
    conceded: bool = False


LONGEST = 400
"""Characters of a clause from which on it is no mere "I do not know"."""


def abstains(answer: str) -> bool:
    """Whether the answer leads with not knowing, and no guess follows. An empty answer says nothing."""
    said = clauses(answer)
    return bool(said) and _unknown(said[0].text) and not _guessed(said)


def declines(answer: str) -> bool:
    """Whether the answer tells the asker that it cannot be told: it leads with that, or comes to it.

    Wider than :func:`abstains`: "You mentioned a cat. However, no hamster was mentioned." declines.
    """
    said = clauses(answer)
    pairs = pairwise(said)
    if any(_ELLIPTIC.search(one.text) and two.contrast and _AFTER_ELLIPTIC.match(two.text) for one, two in pairs):
        return not _guessed(said)
    return any(_unknown(c.text) and _counts(said, at) for at, c in enumerate(said)) and not _guessed(said)


def _counts(said: list[Clause], at: int) -> bool:
    """Whether what a clause does not know is what was asked for.

    "Blue, although the size was not mentioned" answers; "You mentioned a cat, though no hamster was mentioned" does
    not.
    """
    clause = said[at]
    if clause.conceded and at:
        return any(_SPOKEN.search(c.text) for c in said[:at])
    return clause.contrast or not at


def counterclaims(answer: str) -> list[str]:
    """What an answer says behind a "but", where that is not a not-knowing, too."""
    return [c.text for c in clauses(answer) if c.contrast and not _unknown(c.text)]


def clauses(answer: str) -> list[Clause]:
    """Sentences, cut also at semicolons, dashes and where a contrast begins, without preambles ("Sorry, ...")."""
    text = plain(final(answer))
    for short, full in _SHORT:
        text = short.sub(full, text)
    found: list[Clause] = []
    contrast = conceded = False
    for piece in filter(None, _wordings().cut.split(text)):
        if _wordings().but.fullmatch(piece.strip(" ,，、")):
            contrast = True
            conceded = bool(_wordings().concession.fullmatch(piece.strip(" ,，、")))
        elif bare := _stripped(piece):
            found.append(Clause(bare, contrast, conceded))
            contrast = conceded = False
    return found


def _stripped(piece: str) -> str:
    bare = piece.strip(_EDGES)
    while (shorter := _wordings().preamble.sub("", bare, count=1).strip(_EDGES)) != bare:
        bare = shorter
    return bare


def _guessed(said: list[Clause]) -> bool:
    """A guess behind the "but" is the answer then."""
    return any(c.contrast and _wordings().guess.match(c.text) and not _unknown(c.text) for c in said[1:])


def _unknown(clause: str) -> bool:
    return len(clause) <= LONGEST and any(claim.search(clause) for claim in _wordings().claims)


@dataclass(frozen=True, slots=True)
class _Wordings:
    cut: re.Pattern[str]
    but: re.Pattern[str]
    concession: re.Pattern[str]
    preamble: re.Pattern[str]
    guess: re.Pattern[str]
    claims: tuple[re.Pattern[str], ...]


@cache
def _wordings() -> _Wordings:
    """All languages together: an answer may be in any of them."""
    read = [_sections(path.read_text(encoding="utf-8")) for path in sorted((resources() / "not_knowing").glob("*.txt"))]
    every = {name: [line for found in read for line in found.get(name, ())] for name in SECTIONS}
    contrasts = [*every["but"], *every["concession"]]
    spaced = "|".join(but for but in contrasts if but < "\u2e80")
    unspaced = "|".join(but for but in contrasts if but >= "\u2e80")
    cut = rf"{_SENTENCE}|(?:^|(?<=[\s,，]))({spaced})(?=[\s,])|({unspaced})"
    return _Wordings(
        re.compile(cut),
        re.compile("|".join(contrasts)),
        re.compile("|".join(every["concession"])),
        re.compile(rf"^(?:{'|'.join(every['preamble'])})\s*"),
        re.compile("|".join(every["guess"])),
        tuple(map(re.compile, every["claim"])),
    )


def _sections(text: str) -> dict[str, list[str]]:
    """The lines of every section of a language's file, with its named parts filled in."""
    found: dict[str, list[str]] = {}
    parts: dict[str, str] = {}
    section = ""
    for line in text.splitlines():
        if not line or line.startswith("# "):
            continue
        if line.startswith("["):
            section = line.strip("[]")
            continue
        for name, part in parts.items():
            line = line.replace(f"{{{name}}}", part)
        if section == "parts":
            name, _, part = line.partition(" = ")
            parts[name] = part
        else:
            found.setdefault(section, []).append(line)
    return found


SECTIONS = ("but", "concession", "preamble", "guess", "claim")
_EDGES = " ,.!?\"'()*_:-，、。！？：（）「」"
_SENTENCE = r"(?<=[.!?])\s+|[;；。！？\n]+|\s[-–]+\s|—|\s*[()（）]\s*"
_SHORT = tuple(
    (re.compile(short), full)
    for short, full in (
        (r"\b(ca|wo|sha)n't\b", r"\1n not"),
        (r"n't\b", " not"),
        (r"\bcannot\b", "can not"),
        (r"\b(do|did|is|was|does|has|have)nt\b", r"\1 not"),
        (r"'m\b", " am"),
        (r"'re\b", " are"),
        (r"'ve\b", " have"),
        (r"\b(it|that|there|here|this|what)'s\b", r"\1 is"),
    )
)
_ELLIPTIC = re.compile(r"\b(?:mention(?:ed|s)?|said|told|talked about|discussed|asked about|shared|brought up)\b")
_SPOKEN = re.compile(rf"{_ELLIPTIC.pattern}|\b(?:mencion|dijiste|dijo|hablaste|contaste|упом|говори|сказа)")
_AFTER_ELLIPTIC = re.compile(r"^(?:not|never|nothing)\b(?! only)")

"""Names in a text by their spelling, in any script that has capitals; and known names in a text of any script."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

import regex

from workbench.words import words

_NAME = regex.compile(
    r"(?P<run>\p{Lu}[\p{L}\p{M}\p{N}'’-]*(?:[ \t]+\p{Lu}[\p{L}\p{M}\p{N}'’-]*)*)(?<=[\p{L}\p{M}\p{N}])"
    r"|(?P<number>\p{N}[\p{N}.,:/-]*\p{N})(?![\p{L}\p{N}])"
    r"|[\"“„«「『《](?P<quoted>[^\"“”„«»「」『』《》]+)[\"”“»」』》]"
)
_BEGINS = regex.compile(r"(?:^|[.!?:…。！？\n])[\s\"“„«'(*-]*$")
_OWNER = regex.compile(r"['’]s?$")


def names(text: str, common: Collection[str] = ()) -> list[str]:
    """What is spelled as a name: runs of capitalised words, numbers of two digits and more, and what is quoted.

    A word that begins a sentence is capitalised whatever it is: it counts unless it is in ``common``, the words that
    are known to be written small elsewhere. A capital that stands alone is no name. Scripts without capitals give
    numbers and quotations; so what is there called what has to be told by whoever can read it.
    """
    out: list[str] = []
    for found in _NAME.finditer(text):
        if found["run"]:
            out.append(_trimmed(found["run"], bool(_BEGINS.search(text[: found.start()])), common))
        else:
            out.append(found["number"] or found["quoted"].strip())
    return list(dict.fromkeys(name for name in out if name))


def _trimmed(run: str, begins: bool, common: Collection[str]) -> str:
    parts = run.split()
    if begins and parts[0].lower() in common:
        parts = parts[1:]
    while parts and len(parts[0]) == 1:
        parts = parts[1:]
    return _OWNER.sub("", " ".join(parts))


def written_small(texts: Iterable[str]) -> set[str]:
    """The words of texts that somewhere begin with a small letter: no names, however a sentence begins with them."""
    return {word for text in texts for word in _small(text)}


@lru_cache(maxsize=65536)
def _small(text: str) -> tuple[str, ...]:
    return tuple(regex.findall(r"(?<![\p{L}\p{M}'’])\p{Ll}[\p{L}\p{M}'’-]*", text))


def named(text: str, known: Sequence[str]) -> list[str]:
    """Which of the known names stand in a text, by their words; in any script, whatever their case."""
    told = f" {' '.join(words(text))} "
    return [name for name in known if (own := words(name)) and f" {' '.join(own)} " in told]

"""The words of a text, in any script: what BM25, detectors and whoever compares texts by words go by."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import regex

_RUN = regex.compile(r"[\p{L}\p{M}\p{N}]+")
_UNSPACED = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー々]+|"
    r"[^\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー々]+"
)
_FIRST = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー々]")


def words(text: str) -> list[str]:
    """The lower-case words of a text, in order: letters with their marks, and digits, composed (NFC).

    Accents are kept. Scripts that put no spaces between words (Chinese, Japanese, Thai, …; Korean, whose words carry
    endings) give every two neighbouring characters, and a single one as itself.
    """
    return [word for run in _RUN.findall(unicodedata.normalize("NFC", text).lower()) for word in _cut(run)]


def telling(text: str) -> set[str]:
    """The words of a text that tell it from others: of three letters and more, or of a script without spaces of two."""
    return {w for w in words(text) if len(w) > 2 or (len(w) == 2 and _FIRST.match(w))}


def unspaced(text: str) -> bool:
    """Whether a text begins in a script that puts no spaces between words, or whose characters are whole syllables."""
    return bool(_FIRST.match(text))


@lru_cache(maxsize=65536)
def _cut(run: str) -> tuple[str, ...]:
    if run.isascii():
        return (run,)
    out: list[str] = []
    for part in _UNSPACED.findall(run):
        if len(part) > 1 and _FIRST.match(part):
            out += [part[i : i + 2] for i in range(len(part) - 1)]
        else:
            out.append(part)
    return tuple(out)

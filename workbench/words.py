"""The words of a text, in any script: what BM25, detectors and whoever compares texts by words go by."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
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


def numeric(text: str) -> int:
    """The number that a text writes in decimal digits; -1 for anything else, and for more digits than figures have.

    ``isdigit`` takes "²", which ``int`` does not, and ``int`` no text of thousands of digits, which a model that loops
    writes.
    """
    return int(text) if text.isdecimal() and len(text) < 16 else -1


def telling(text: str) -> set[str]:
    """The words of a text that tell it from others: of three letters and more, or of a script without spaces of two."""
    return {w for w in words(text) if len(w) > 2 or (len(w) == 2 and _FIRST.match(w))}


def unspaced(text: str) -> bool:
    """Whether a text begins in a script that puts no spaces between words, or whose characters are whole syllables."""
    return bool(_FIRST.match(text))


def shared(text: str, others: Iterable[str]) -> list[tuple[int, int]]:
    """Where a text has words of other ones: half-open ranges of characters, in order, none touching the next.

    Words of one or two letters count only where the others have no longer ones; figures always do. In scripts without
    spaces, two neighbouring characters are a word.
    """
    wanted = {word for other in others for word in words(other)}
    long = {w for w in wanted if len(w) > 2 or _FIRST.match(w) or any(c.isnumeric() for c in w)}
    wanted = long or wanted
    found: list[tuple[int, int]] = []
    for run in _RUN.finditer(text):
        at = run.start()
        for part in _UNSPACED.findall(run[0]):
            for start, word in _places(part):
                if unicodedata.normalize("NFC", word).lower() in wanted:
                    _add(found, at + start, at + start + len(word))
            at += len(part)
    return found


def _places(part: str) -> list[tuple[int, str]]:
    if len(part) > 1 and _FIRST.match(part):
        return [(n, part[n : n + 2]) for n in range(len(part) - 1)]
    return [(0, part)]


def _add(found: list[tuple[int, int]], start: int, end: int) -> None:
    if found and start <= found[-1][1]:
        found[-1] = (found[-1][0], end)
    else:
        found.append((start, end))


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


def whole(text: str) -> str:
    """The text as it can be encoded. Half a surrogate pair, as some servers and models write it, is no text and becomes
    U+FFFD; two halves that stand together are what they mean."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text

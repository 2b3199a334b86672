"""Normal forms of answers: what is compared when an answer is matched with a gold."""

from __future__ import annotations

import re
import string
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

_PUNCTUATION = str.maketrans("", "", string.punctuation + "“”‘’…–—¿¡。、，！？；：「」『』（）《》")
_COUNTING = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
_NUMBERS = {word: str(value) for value, word in enumerate(_COUNTING)}
_QUOTES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "´": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"'})
_ARTICLES = frozenset({"a", "an", "the"})
# Scripts that put no spaces between words: each of their characters is a token, so that a word is found in a sentence.
_UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    r"\uac00-\ud7af\uf900-\ufaff"
)
_TOKEN = re.compile(rf"\d+(?:[.,]\d+)*|[{_UNSPACED}][\u0300-\u036f]*|(?:(?![{_UNSPACED}\d])[\w\u0300-\u036f'])+")


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a text: as compared, as written (no case), where it starts, and whether it has a capital letter."""

    word: str
    raw: str
    start: int
    capital: bool


def plain(text: str, keep_case: bool = False) -> str:
    """Compatibility form (composed accents, half width), straight quotes, single spaces; no case unless kept."""
    form = " ".join(unicodedata.normalize("NFKC", text).translate(_QUOTES).split())
    return form if keep_case else form.casefold()


def normalise(text: str) -> str:
    """MemoryAgentBench's and SQuAD's form in every script: no case, no punctuation, no articles, single spaces."""
    words = plain(text).translate(_PUNCTUATION).split()
    return " ".join(w for w in words if w not in _ARTICLES)


@lru_cache(maxsize=8192)
def words(text: str) -> tuple[str, ...]:
    """Tokens for matching short answers: no case, punctuation or articles, small numbers as digits, no "'s".

    Scripts without spaces give one token for each character, and digits stand apart from them. When nothing but
    articles is left, the articles stay: an option may be called A.
    """
    return tuple(token.word for token in tokens(text))


def tokens(text: str) -> list[Token]:
    """``words`` with their places in ``plain(text, keep_case=True)``."""
    found = []
    for match in _TOKEN.finditer(plain(text, keep_case=True)):
        raw = match[0].casefold()
        if word := _word(raw):
            found.append(Token(word, raw, match.start(), match[0][0].isupper()))
    return [t for t in found if t.word not in _ARTICLES] or found


def _word(raw: str) -> str:
    if raw[0].isdigit():
        return raw.replace(",", "") if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", raw) else raw
    bare = raw.removesuffix("'s").replace("'", "").strip("_")
    return _NUMBERS.get(bare, bare)


def number(text: str) -> float | None:
    """The first number in the text, written in digits or (to twenty) in words; None when there is none."""
    for match in re.finditer(r"-?\d[\d,]*(?:\.\d+)?|[a-z]+", plain(text)):
        word = match.group()
        if word[0].isdigit() or word[0] == "-":
            return float(word.replace(",", ""))
        if word in _NUMBERS:
            return float(_NUMBERS[word])
    return None

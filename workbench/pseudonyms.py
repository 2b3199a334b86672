"""Other words for words: the same word always becomes the same one of the same length, and nobody gets back without
the key.

Lengths, case, punctuation and scripts stay, so that places in a text stay true; ISO dates stay dates, shifted by whole
weeks. How often a word occurs stays, too: this hides what was said from people who read a bug report, not from somebody
who knows the conversation and counts.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

import regex

_PART = regex.compile(
    r"(?P<date>(?<!\d)\d{4}-\d\d-\d\d(?!\d)(?:T\d\d:\d\d(?::\d\d)?)?)"
    r"|(?P<escape>(?:\\u[0-9a-fA-F]{4})+)|(?P<mark>\\[nrtbf])"
    r"|(?P<digits>\p{Nd}+)|(?P<unspaced>[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])"
    r"|(?P<word>[\p{L}\p{M}\p{Nl}\p{No}]{1,200})"  # what is longer is no word, and would be counted by the letter
)
_WORD = regex.compile(r"[\p{L}\p{M}]{2,200}|\p{Nd}{4,200}")
_VOWELS, _CONSONANTS = "aeiou", "bcdfghjklmnpqrstvwxz"
_TRIES = 200  # words of one or two letters may run out


class Pseudonyms:
    """A mapping of words under one key.

    Args:
        key: texts that were mapped under the same key have the same words.
    """

    def __init__(self, key: str) -> None:
        self._key = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
        self._of: dict[str, str] = {}
        self._taken: set[str] = set()
        self._letters: dict[str, list[str]] = {}
        self.weeks = 1 + self._number("weeks", 0) % 500
        """By how many weeks dates lie earlier."""

    def text(self, text: str) -> str:
        """The text with every word, number and date replaced; as many characters as before."""
        return _PART.sub(self._part, text)

    def pieces(self, pieces: Sequence[str]) -> list[str]:
        """Parts of one text, as tokens are: replaced as the text is, each as long as before."""
        whole = self.text("".join(pieces))
        found, at = [], 0
        for piece in pieces:
            found.append(whole[at : at + len(piece)])
            at += len(piece)
        return found

    def known(self, text: str, words: set[str]) -> str:
        """The text with only those of its words replaced (:func:`vocabulary`); for messages of the program's own."""
        return _WORD.sub(lambda m: self.text(m[0]) if _lower(m[0]) in words else m[0], text)

    def _part(self, match: regex.Match[str]) -> str:
        kind, found = match.lastgroup, match[0]
        if kind == "date":
            return self._date(found)
        if kind == "escape":  # foreign letters as JSON may write them
            return self._escaped(found)
        if kind == "mark":
            return found
        return self._cased(found, self._word(_lower(found)))

    def _date(self, found: str) -> str:
        try:
            moved = date.fromisoformat(found[:10]) - timedelta(weeks=self.weeks)
        except (ValueError, OverflowError):
            return self._word(found[:10]) + found[10:]
        return moved.isoformat() + found[10:]

    def _escaped(self, found: str) -> str:
        try:
            plain = self.text(json.loads(f'"{found}"'))
        except ValueError:
            return "?" * len(found)
        again = json.dumps(plain)[1:-1]
        return again if len(again) == len(found) else "?" * len(found)

    def _cased(self, found: str, word: str) -> str:
        if found.islower():
            return word
        pairs = zip(found, word, strict=True)
        return "".join(w.upper() if f.isupper() and len(w.upper()) == 1 else w for f, w in pairs)

    def _word(self, word: str) -> str:
        known = self._of.get(word)
        if known is None:
            for attempt in range(_TRIES):
                known = "".join(self._letter(word, place, letter, attempt) for place, letter in enumerate(word))
                if known not in self._taken and known != word:
                    break
            assert known is not None
            self._of[word] = known
            self._taken.add(known)
        return known

    def _letter(self, word: str, place: int, letter: str, attempt: int) -> str:
        number = self._number(word, place + (attempt << 20))
        if letter.isdecimal():
            value = unicodedata.decimal(letter)
            lowest = 1 if place == 0 and value and len(word) > 1 else 0  # a number stays as long when it is read as one
            return chr(ord(letter) - value + lowest + number % (10 - lowest))
        script = unicodedata.name(letter, "OTHER").split()[0]
        if script == "LATIN":
            alphabet = _VOWELS if (place + self._number(word, attempt << 20)) % 2 else _CONSONANTS
            return alphabet[number % len(alphabet)]
        script = f"{script} " if script != "OTHER" else script  # a word of its own in the letters' names
        letters = self._letters.get(script) or self._alphabet(script, letter)
        return letters[number % len(letters)]

    def _alphabet(self, script: str, letter: str) -> list[str]:
        """Lower-case letters of the same script, from the letter's own neighbourhood."""
        block = [chr(c) for c in range(ord(letter) & ~0x7F, (ord(letter) | 0x7F) + 1)]
        near = [c for c in block if unicodedata.name(c, "").startswith(script) and _lower(c) == c]
        alike = [c for c in near if unicodedata.category(c) == unicodedata.category(letter)]
        self._letters[script] = alike or ["?"]
        return self._letters[script]

    def _number(self, word: str, place: int) -> int:
        data = f"{place}:{word}".encode("utf-8", "surrogatepass")
        return int.from_bytes(hmac.digest(self._key, data, "sha256")[:8], "big")


def vocabulary(texts: Iterable[str]) -> set[str]:
    """The words of texts, as :meth:`Pseudonyms.known` looks for them."""
    return {_lower(word) for text in texts for word in _WORD.findall(text)}


def _lower(text: str) -> str:
    """Lower case, letter by letter, so that no letter becomes two."""
    if text.isascii():
        return text.lower()
    return "".join(low if len(low := letter.lower()) == 1 else letter for letter in text)

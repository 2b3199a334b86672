"""Which languages a session is in, and what their words say of time: months, weekdays, "yesterday", "2 weeks ago".

The words are data of two libraries: ``stopwordsiso`` (function words of 57 languages) and ``dateparser`` (dates in some
200). What neither has and a detector needs stands in ``resources/wording/<language>.txt``.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module, resources
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import regex

from workbench.paths import resources as own_resources

_SCRIPTS = ("Latin", "Cyrillic", "Greek", "Hebrew", "Arabic", "Devanagari", "Bengali", "Gujarati", "Armenian", "Thai",
            "Hangul", "Kana", "Han")  # fmt: skip
_IN_SCRIPT = {s: regex.compile(r"[\p{Hiragana}\p{Katakana}]" if s == "Kana" else rf"\p{{{s}}}") for s in _SCRIPTS}
_SAID_BY_SCRIPT = {"Kana": "ja", "Han": "zh", "Hangul": "ko", "Thai": "th", "Hebrew": "he", "Greek": "el"}
_LOCALES = {"no": "nb", "tl": "fil"}
_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
           "december")  # fmt: skip
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")
"""A letter of a script that puts no spaces between words."""
UNITS = ("day", "week", "month", "year")
_LIKELY = 0.7
"""Share of the best language's votes with which another is taken as well; of few votes the rest is enough."""
_ENOUGH = 3
_SHARE = 0.05
"""Share of the words from which on a script counts."""

Offset = tuple[int, str]
"""How far a date lies from the day it is spoken of: how many, of which of ``UNITS``; the sign is left out."""


def folded(text: str) -> str:
    """Lower case, composed (NFC): how words are compared."""
    return unicodedata.normalize("NFC", text).lower()


def scripts(text: str) -> frozenset[str]:
    """The scripts that the letters of a text are of."""
    return frozenset(script for script, of in _IN_SCRIPT.items() if of.search(text))


@cache
def function_words(language: str) -> frozenset[str]:
    """The function words of a language (ISO 639-1), folded; none where they are not known."""
    return frozenset(map(folded, _stopwords().get(language, ())))


@cache
def _stopwords() -> Mapping[str, Sequence[str]]:
    file = resources.files("stopwordsiso").joinpath("stopwords-iso.json")
    known: Mapping[str, Sequence[str]] = json.loads(file.read_text("utf-8"))
    return known


@cache
def _languages_of_word() -> Mapping[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for language in _stopwords():
        for word in function_words(language):
            found.setdefault(word, []).append(language)
    return {word: tuple(languages) for word, languages in found.items()}


def languages(words: Iterable[str]) -> tuple[str, ...]:
    """The languages (ISO 639-1) that folded words are of, for each script that more than a few are written in.

    A script of one language says it; else the language whose function words are the most, a word counting the less the
    more languages have it. More than one where they are close.
    """
    by_script: dict[str, Counter[str]] = {}
    for word, n in Counter(words).items():
        script = next((s for s in reversed(_SCRIPTS) if _IN_SCRIPT[s].search(word)), "")
        by_script.setdefault(script, Counter())[word] += n
    by_script.pop("", None)
    total = sum(c.total() for c in by_script.values())
    found: list[str] = []
    for script, counted in by_script.items():
        if counted.total() < _SHARE * total or (script == "Han" and "Kana" in by_script):
            continue
        found += [_SAID_BY_SCRIPT[script]] if script in _SAID_BY_SCRIPT else _likeliest(counted)
    return tuple(dict.fromkeys(found))


def _likeliest(counted: Counter[str]) -> list[str]:
    votes: Counter[str] = Counter()
    for word, n in counted.items():
        having = _languages_of_word().get(word, ())
        for language in having:
            votes[language] += n / len(having)  # type: ignore[assignment]
    best = max(votes.values(), default=0)
    least = (_LIKELY if best >= _ENOUGH else 1 - _LIKELY) * best
    return [language for language, vote in votes.most_common() if vote >= least]


@dataclass(frozen=True)
class TimeWords:
    """What words of some languages say of time, folded.

    Attributes:
        months: word to 1 to 12.
        weekdays: word to 0 (Monday) to 6.
        units: word to one of ``UNITS``.
        relative: finds what names a day by its distance from the day it is said ("yesterday", "2 weeks ago").
        offsets: what such a phrase means, for those without a number.
        numbers: finds number words, each with its value.
    """

    months: Mapping[str, int]
    weekdays: Mapping[str, int]
    units: Mapping[str, str]
    relative: re.Pattern[str] | None
    offsets: Mapping[str, Offset]
    numbers: tuple[tuple[re.Pattern[str], int], ...]
    _known: dict[str, int | None] = field(default_factory=dict)

    def number(self, word: str) -> int | None:
        """The value of a number word, None when it is none that is known."""
        if word not in self._known:
            self._known[word] = next((value for pattern, value in self.numbers if pattern.fullmatch(word)), None)
        return self._known[word]


@cache
def time_words(languages: tuple[str, ...]) -> TimeWords:
    """The time words of these languages together."""
    months: dict[str, int] = {}
    weekdays: dict[str, int] = {}
    units: dict[str, str] = {}
    offsets: dict[str, Offset] = {}
    patterns: list[str] = []
    numbers: list[tuple[re.Pattern[str], int]] = []
    for language in languages:
        data = _data(language)
        common = function_words(language)
        months |= {w: n for n, name in enumerate(_MONTHS, 1) for w in _listed(data, name)}
        weekdays |= {w: n for n, name in enumerate(_WEEKDAYS) for w in _listed(data, name) if w not in common}
        units |= {w: unit for unit in UNITS for w in _listed(data, unit) if _speaks(w)}
        offsets |= _phrases(data)
        patterns += [*_counted(data), *(re.escape(p) for p in wording(language, "when"))]
        numbers += _numbers(data)
    patterns += map(re.escape, offsets)
    return TimeWords(months, weekdays, units, _any(patterns), offsets, tuple(numbers))


@cache
def wording(language: str, section: str) -> tuple[str, ...]:
    """The folded entries of a section of ``resources/wording/<language>.txt``; none where there is no such file."""
    file = own_resources() / "wording" / f"{language}.txt"
    if not file.is_file():
        return ()
    _, _, after = file.read_text("utf-8").partition(f"[{section}]\n")
    lines = [line for line in after.partition("\n[")[0].splitlines() if not line.startswith("#")]
    return tuple(folded(entry.strip()) for entry in " ".join(lines).split(",") if entry.strip())


@cache
def written() -> tuple[str, ...]:
    """The languages that have a file in ``resources/wording``."""
    return tuple(sorted(file.stem for file in (own_resources() / "wording").glob("*.txt")))


def spoken(languages: tuple[str, ...], section: str, text: str) -> Iterator[int]:
    """Where in a folded text entries of :func:`wording` end: a word, ``word*`` for any that begins so, several words,
    or characters of a script without spaces."""
    pattern = _entries(languages, section)
    return (match.end() for match in pattern.finditer(text)) if pattern else iter(())


@cache
def _entries(languages: tuple[str, ...], section: str) -> re.Pattern[str] | None:
    """One pattern for all entries, the longest first."""
    found = {entry for language in languages for entry in wording(language, section)}
    parts = [_entry(entry) for entry in sorted(found, key=len, reverse=True)]
    return re.compile("|".join(parts)) if parts else None


def _entry(entry: str) -> str:
    bare = re.escape(entry.removesuffix("*"))
    return bare if UNSPACED.search(entry) else rf"\b{bare}{'[^ ]*' if entry.endswith('*') else chr(92) + 'b'}"


def _data(language: str) -> Mapping[str, Any]:
    """What ``dateparser`` knows of a language; its file alone is read, since importing the package takes longer than
    all the rest. In a packaged application there is no such file and it is imported."""
    name = _LOCALES.get(language, language)
    package = find_spec("dateparser")
    for folder in (package.submodule_search_locations or ()) if package else ():
        file = Path(folder, "data", "date_translation_data", f"{name}.py")
        spec = spec_from_file_location(f"dateparser-{name}", file) if file.is_file() else None
        if spec is not None and spec.loader is not None:
            module = module_from_spec(spec)
            spec.loader.exec_module(module)
            break
    else:
        try:
            module = import_module(f"dateparser.data.date_translation_data.{name}")
        except ModuleNotFoundError:
            return {}
    info: Mapping[str, Any] = module.info
    return info


def _listed(data: Mapping[str, Any], name: str) -> list[str]:
    return [folded(word) for word in data.get(name, ())]


def _speaks(word: str) -> bool:
    """Whether a word is no mere abbreviation: one letter of an alphabet says nothing."""
    return len(word) > 2 or not word.isascii()


def _phrases(data: Mapping[str, Any]) -> dict[str, Offset]:
    found: dict[str, Offset] = {}
    for meaning, phrases in data.get("relative-type", {}).items():
        of = re.fullmatch(r"(?:in )?(\d+) (\w+)(?: ago)?", meaning)
        weekday = meaning.rpartition(" ")[2] in _WEEKDAYS
        if (of and of[2] in UNITS) or weekday:
            offset = (int(of[1]), of[2]) if of else (1, "week")
            found |= {folded(p): offset for p in phrases if _speaks(p)}
    return found


def _counted(data: Mapping[str, Any]) -> list[str]:
    """Patterns of "2 weeks ago" and "in 3 days", with any word in the number's place."""
    found = []
    units = [word for unit in UNITS for word in _listed(data, unit) if _speaks(word)]
    for meaning, patterns in data.get("relative-type-regex", {}).items():
        if any(f" {unit}" in meaning for unit in UNITS):
            for pattern in patterns:
                said = re.sub(r"\(\\d[^)]*\)", "\0", folded(pattern))
                parts = [part for part in re.split(r"[\s\0]+", said) if part]
                if "\0" in said and any(
                    p in units or (UNSPACED.search(p) and any(u in p for u in units)) for p in parts
                ):
                    found.append(said.replace("\0", r"\w+"))
    return found


def _numbers(data: Mapping[str, Any]) -> list[tuple[re.Pattern[str], int]]:
    found = []
    for entry in data.get("simplifications", ()):
        for said, value in entry.items():
            if value.isdigit() and int(value) > 1 and "\\" not in said and "(?" not in said:
                found.append((re.compile(folded(said)), int(value)))
    return found


def _any(patterns: Sequence[str]) -> re.Pattern[str] | None:
    """One pattern for all of them, the longest first; words of scripts with spaces must be whole."""
    if not patterns:
        return None
    whole = [p if UNSPACED.search(p) else rf"\b(?:{p})\b" for p in sorted(set(patterns), key=len)[::-1]]
    return re.compile("|".join(whole))

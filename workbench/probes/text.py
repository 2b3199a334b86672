"""Normal forms of answers, as the benchmarks define them, and how an answer says that it does not know."""

from __future__ import annotations

import re
import string

_PUNCTUATION = str.maketrans("", "", string.punctuation + "“”‘’…–—¿¡")
_TO_SPACE = str.maketrans({c: " " for c in "-–—/"})
_COUNTING = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
_NUMBERS = {word: str(value) for value, word in enumerate(_COUNTING)}
_ANSWER = re.compile(r"\b(?:final\s+)?answer\s*(?:is\b\s*:?|:)\s*", re.IGNORECASE)

_TOLD = "(?:mentioned|stated|said|told|specified|known|given|provided|recorded|discussed)"
_SOURCE = "(?:information|mention|record|memory|answer|idea|data)"
_NOT_DO = "(?:(?:do|does|did) not|(?:do|does|did)n[’']?t)"
_NOT_CAN = "(?:can ?not|can[’']?t|could not|couldn[’']?t)"
_UNKNOWN = re.compile(
    "|".join(
        (
            r"\b(?:unknown|unanswerable|n/a)\b",
            rf"\b(?:not|never) (?:been |explicitly |yet |ever )?{_TOLD}\b",
            rf"\bno (?:such |further |relevant )?{_SOURCE}\b",
            rf"\b{_NOT_DO} (?:know|remember|say|mention|tell|specify|state)\b",
            rf"\b{_NOT_DO} have (?:any |enough |that |this )?{_SOURCE}\b",
            rf"\b{_NOT_CAN} (?:be )?(?:know|known|tell|say|answer|answered|determine|determined|find|found)\b",
        )
    ),
    re.IGNORECASE,
)


def abstains(answer: str) -> bool:
    """Whether the answer says that the session never told it. An empty answer says nothing."""
    return bool(_UNKNOWN.search(" ".join(answer.split())))


def final(answer: str) -> str:
    """The answer proper: what follows the last "Answer:" (as MemoryAgentBench reads it), in one line, no stop."""
    text = _ANSWER.split(answer)[-1]
    return " ".join(text.split()).strip(" \"'“”‘’`*").rstrip(".!?;:, ").strip()


def normalise(text: str) -> str:
    """MemoryAgentBench's and SQuAD's form: lower case, no punctuation, no articles, single spaces."""
    words = text.lower().translate(_PUNCTUATION).split()
    return " ".join(w for w in words if w not in ("a", "an", "the"))


def words(text: str) -> list[str]:
    """Tokens for matching short answers: as ``normalise``, hyphens and slashes apart, small numbers as digits."""
    return [
        _NUMBERS.get(w, w) for w in normalise(text.translate(_TO_SPACE).replace("’", "'").replace("'s ", " ")).split()
    ]


def number(text: str) -> float | None:
    """The first number in the text, written in digits or (to twenty) in words; None when there is none."""
    for match in re.finditer(r"-?\d[\d,]*(?:\.\d+)?|[a-z]+", text.lower()):
        word = match.group()
        if word[0].isdigit() or word[0] == "-":
            return float(word.replace(",", ""))
        if word in _NUMBERS:
            return float(_NUMBERS[word])
    return None

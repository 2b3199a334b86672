"""A perfect reader: it sees a rendered prompt and nothing else, and answers from it by rule.

What it cannot find in the prompt it cannot answer: without a date before a line it does not know what "yesterday" was,
without numbers it cannot name a neighbour, without the format in words it does not know how to answer at all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from workbench.llm.messages import Message

_FORM = "where text is a string in double quotes:\n"
_LINE = re.compile(r"^(?:- )?(?:(?P<number>\d+) \| )?(?:\[(?P<when>[^\]→]+)\] )?(?P<text>.+)$")
_MONTHS = [
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
]  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """A line of a prompt: its number, when it was said, what it says."""

    text: str
    number: int | None
    when: datetime | None

    @property
    def words(self) -> set[str]:
        return set(re.findall(r"\w{3,}", self.text.casefold()))

    @property
    def resolved(self) -> str:
        """The text with "yesterday" as the date that it was, if the line says when it was said."""
        if self.when is None:
            return self.text
        day = self.when - timedelta(days=1)
        return self.text.replace("yesterday", f"on {day.day} {_MONTHS[day.month - 1]} {day.year}")


def moment(words: str) -> datetime | None:
    """The time that a line says it was said at."""
    found = re.search(r"(\d{1,2}) (\w+) (\d{4})(?:, (\d\d):(\d\d))?", words)
    if not found or found[2] not in _MONTHS:
        return None
    day, month, year, hour, minute = found.groups()
    return datetime(int(year), _MONTHS.index(month) + 1, int(day), int(hour or 0), int(minute or 0))


def lines(text: str) -> list[Seen]:
    """The lines of the user's part of a prompt."""
    out = []
    for line in text.splitlines():
        found = _LINE.match(line.strip())
        if found and found["text"]:
            number = int(found["number"]) if found["number"] else None
            out.append(Seen(found["text"], number, moment(found["when"] or "")))
    return out


def form(text: str) -> str:
    """The format that a prompt asks for, as it is written in words."""
    start = text.index(_FORM) + len(_FORM)
    return text[start:].split("\n", 1)[0]


class Reader:
    """Answers a prompt in the form that the prompt asks for: what it says is what the newest lines say.

    A list has an entry for each line of the section that the newest line stands in; a number is that of the line in
    another section that speaks of the same, or of the line itself where the format says "comes from"; of several
    options it is the first.
    """

    def __init__(self, messages: Sequence[Message]) -> None:
        self.system = "\n".join(m.text for m in messages[:-1])
        self.lines = lines(messages[-1].text)
        newest = max((s.when for s in self.lines if s.when), default=None)
        last = max((n for n, s in enumerate(self.lines) if s.when == newest and newest), default=len(self.lines) - 1)
        first = max((n + 1 for n, s in enumerate(self.lines[:last]) if s.text.endswith(":") and not s.when), default=0)
        self.news = [s for s in self.lines[first : last + 1] if s.when or newest is None]
        self.current = self.news[-1]
        self._form, self._at = form(self.system), 0

    def answer(self) -> Any:
        """The answer as JSON."""
        value = self._value()
        assert self._at == len(self._form), f"left over: {self._form[self._at :]}"
        return value

    def about(self, name: str, used: Collection[int] = ()) -> int | None:
        """The number of the line that speaks of the same as the current one; None where nothing is numbered."""
        told = self._about(name)
        if "comes from" in told:
            return self.current.number
        numbered = [s for s in self.lines if s.number is not None and s not in self.news and s.number not in used]
        shared = [(len(s.words & self.current.words), -n) for n, s in enumerate(numbered)]
        if shared:
            return numbered[-max(shared)[1]].number
        return 0 if "one past the last" in told else None

    def _about(self, name: str) -> str:
        """What the format says about a field."""
        told = re.search(rf"^- (?:\w+\.)*{name}: (.*)", self.system, re.MULTILINE) if name else None
        return told[1] if told else ""

    def _value(self, name: str = "", used: Collection[int] = ()) -> Any:
        if self._takes("{"):
            return self._object()
        if self._takes("["):
            return self._list(name)
        if self._takes("number"):
            return self.about(name, used)
        if self._takes("true | false"):
            return True
        if self._takes("text"):
            when = self.current.when
            day = when.date().isoformat() if when else ""
            return day if "YYYY-MM-DD" in self._about(name) else self.current.resolved
        options = [self._string()]
        while self._takes(" | "):
            options.append(self._string())
        return options[0]

    def _list(self, name: str) -> list[Any]:
        start, out = self._at, []
        for line in self.news[-1:] if self._form.startswith("number", start) else self.news:
            self._at, self.current = start, line
            out.append(self._value(name))
        assert self._takes(", ...]")
        return [entry for entry in out if entry is not None]

    def _object(self) -> dict[str, Any] | None:
        out: dict[str, Any] = {}
        used: list[int] = []
        while not self._takes("}"):
            name = self._string()
            assert self._takes(": ")
            number = self._form.startswith("number", self._at)
            out[name] = self._value(name, used)
            if name == "summary":  # of all that is new
                out[name] = " ".join(line.resolved for line in self.news)
            used += [out[name]] * number
            self._takes(", ")
        return None if None in out.values() else out

    def _string(self) -> str:
        value, end = json.JSONDecoder().raw_decode(self._form, self._at)
        self._at = end
        return str(value)

    def _takes(self, token: str) -> bool:
        found = self._form.startswith(token, self._at)
        self._at += len(token) * found
        return found

"""Dates in every spelling that session files use, as ISO 8601.

Read are ISO 8601 in its loose forms, seconds, milliseconds, microseconds and nanoseconds since 1970 as a number or as
its digits, the spelling of e-mail (RFC 2822), LoCoMo's ``1:56 pm on 8 May, 2023``, LongMemEval's
``2023/05/21 (Sun) 19:50``, and other English spellings that name a whole day. What leaves a part of the day open
(``Monday``, ``May 2023``, ``10:00``) is no date: nothing is filled in, least of all from the clock.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, NamedTuple

from dateutil import parser as _lenient

KEYS = (
    "created_at",
    "createdAt",
    "create_time",
    "createTime",
    "timestamp",
    "created",
    "date",
    "datetime",
    "date_time",
    "time",
    "start_time",
    "startTime",
    "started_at",
    "startedAt",
    "sent_at",
    "sentAt",
    "ts",
    "timestamp_ms",
    "date_unixtime",
    "request_created_at",
    "updated_at",
    "updatedAt",
    "last_modified",
    "lastModified",
    "when",
)
"""Where records and messages say when they were, in the order in which they are believed."""
_ANY = frozenset(KEYS)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_IN_OBJECTS = ("$date", "$numberLong", "_seconds", "seconds")
_LONGEST = 80
_DIGITS = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_DAY = re.compile(r"\b(mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\b\.?,?", re.I)
_YEAR_FIRST = re.compile(r"(\d{4})[/.-](\d{1,2})[/.-](\d{1,2})(?:[\s,]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?")
_UNITS = ((1e11, 1), (1e14, 1_000), (1e17, 1_000_000), (1e20, 1_000_000_000))  # seconds, ms, µs, ns
_EARLIEST = 1e8  # 1973: a smaller number counts something else
_DEFAULTS = ((datetime(2000, 1, 1), False), (datetime(2003, 2, 4), False), (datetime(2000, 1, 1), True))


class When(NamedTuple):
    """A date as a turn keeps it: ISO 8601 as exact as it was told, and the day's name where the file told it."""

    date: str = ""
    weekday: str = ""

    def __bool__(self) -> bool:
        return bool(self.date)


NEVER = When()


def when(value: Any) -> When:
    """The date that a JSON value spells, empty when it spells none."""
    if isinstance(value, bool) or value is None:
        return When()
    if isinstance(value, int | float):
        return _since_1970(value)
    if isinstance(value, Mapping):  # MongoDB's extended JSON, Firestore's timestamps
        return when(next((value[k] for k in _IN_OBJECTS if value.get(k) is not None), None))
    if isinstance(value, datetime):
        return When(_iso(value, seconds=True))
    text = value.strip() if isinstance(value, str) and len(value) <= _LONGEST else ""
    if not text:
        return When()
    return _as_digits(text) if _DIGITS.fullmatch(text) else _as_iso(text) or _as_told(text)


def first(*rows: Mapping[str, Any] | None) -> When:
    """The first date that one of the rows, or its ``metadata``, names under one of ``KEYS``."""
    for row in rows:
        about = row.get("metadata") if row else None
        for place in (row, about if isinstance(about, Mapping) else None):
            if place and not _ANY.isdisjoint(place):
                found = next(filter(None, (when(place[key]) for key in KEYS if place.get(key) is not None)), NEVER)
                if found:
                    return found
    return NEVER


def instant(date: str) -> float | None:
    """Seconds since 1970 of a date that ``when`` gave, to compare it with others; None for none.

    A date without an offset counts as UTC, which is right among dates of one file and says nothing of the clock.
    """
    if not date:
        return None
    try:
        found = datetime.fromisoformat(date)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def backwards(dates: Iterable[str]) -> list[int]:
    """Places of dates that are older than the one before them; empty dates are passed over."""
    last: float | None = None
    found = []
    for place, date in enumerate(dates):
        now = instant(date)
        if now is None:
            continue
        if last is not None and now < last:
            found.append(place)
        last = now
    return found


def _since_1970(value: float) -> When:
    size = abs(value)
    unit = next((unit for limit, unit in _UNITS if size < limit), 0) if size >= _EARLIEST else 0
    if not unit or value < 0:
        return When()
    whole, rest = divmod(value, unit)
    micro = round((value - int(value)) * 1e6) if unit == 1 else int(rest * 1_000_000 // unit)
    return When(_iso(datetime.fromtimestamp(int(whole), UTC) + timedelta(microseconds=micro), seconds=True))


def _as_digits(text: str) -> When:
    if len(text) in (8, 12, 14):
        return _compact(text) or _since_1970(float(text))
    return _since_1970(float(text) if "." in text else int(text))


def _compact(text: str) -> When:
    try:
        found = datetime.strptime(text, "%Y%m%d%H%M%S"[: {8: 6, 12: 10, 14: 12}[len(text)]])
    except ValueError:
        return When()
    return When(_iso(found, clock=len(text) > 8, seconds=len(text) > 12)) if 1970 <= found.year <= 2100 else When()


def _as_iso(text: str) -> When:
    if not text[:4].isdigit() or re.match(r"\d{4}[ /]", text):
        return When()
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return When()
    return When(_iso(found, clock=len(text) > 10, seconds=text.count(":") > 1 or "." in text))


def _as_told(text: str) -> When:
    """Other spellings, without the day's name: a wrong one must not move the date."""
    day = _DAY.search(text)
    name = next((d for d in DAYS if d.lower().startswith(day[1].lower()[:3])), "") if day else ""
    bare = _DAY.sub(" ", text).replace("()", " ").replace("( )", " ")
    found = _year_first(bare) or _guessed(bare)
    if found is None:
        return When()
    clock = ":" in bare or bool(re.search(r"\d\s*[ap]\.?m\b", bare, re.I))
    return When(_iso(found, clock, seconds=bare.count(":") > 1), name)


def _year_first(text: str) -> datetime | None:
    found = _YEAR_FIRST.fullmatch(text.strip())
    try:
        return datetime(*(int(part) for part in found.groups() if part)) if found else None  # type: ignore[arg-type]
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _guessed(text: str) -> datetime | None:
    """The one day that an English spelling names; None when it leaves a part open or may mean two days."""
    if sum(c.isdigit() for c in text) < 5:  # a year and a day
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a zone's letters that mean several zones: the hour is taken as told
            ways = _DEFAULTS[:2] if text.lstrip()[:4].isdigit() else _DEFAULTS  # a year first says what the rest is
            found, *others = (_lenient.parse(text, default=d, dayfirst=f) for d, f in ways)
        found.utcoffset()  # raises for one of a day or more
    except (ValueError, OverflowError, TypeError, AttributeError, IndexError, ArithmeticError):
        return None
    return found if all(other.date() == found.date() for other in others) else None


def _iso(found: datetime, clock: bool = True, seconds: bool = False) -> str:
    """ISO 8601 as exact as told, ``Z`` for UTC."""
    if not clock:
        return found.date().isoformat()
    zone = found.tzinfo
    if zone is not None and found.utcoffset() == timedelta(0):
        found, end = found.replace(tzinfo=None), "Z"
    else:
        offset = found.utcoffset()
        found, end = found.replace(tzinfo=None), "" if offset is None else _offset(offset)
    text = found.isoformat(timespec="auto" if seconds else "minutes")
    return (text.rstrip("0") if "." in text else text) + end


def _offset(offset: timedelta) -> str:
    return datetime(2000, 1, 1, tzinfo=timezone(offset)).isoformat()[19:]

"""Dates in words that a small model can read: ``8 May 2023, 13:56``."""

from __future__ import annotations

from datetime import datetime

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def weekday_of(date: str) -> str:
    """The weekday of an ISO 8601 date, in English; empty for what is no ISO date."""
    try:
        return _DAYS[datetime.fromisoformat(date).weekday()]
    except ValueError:
        return ""


def spoken(date: str, weekday: str = "") -> str:
    """An ISO 8601 date in words, without the locale of the machine: ``Saturday, 20 May 2023, 02:21``.

    The time of day is left out where the date tells none, the weekday where it is not given. What is no ISO date stays
    as it is; empty stays empty.
    """
    try:
        when = datetime.fromisoformat(date)
    except ValueError:
        return date
    day = f"{when.day} {_MONTHS[when.month - 1]} {when.year}"
    told = f"{weekday}, {day}" if weekday else day
    return f"{told}, {when:%H:%M}" if len(date) > 10 else told

"""Numbers as people read them: with units, and never more digits than they mean."""

from __future__ import annotations


def ms(value: float) -> str:
    """A duration given in ms: ``< 0.1 ms``, ``0.4 ms``, ``38 ms``, ``0.38 s``, ``12 s``, ``3 min 5 s``."""
    if value < 0.05:
        return "< 0.1 ms"
    if value < 1:
        return f"{value:.1f} ms"
    if value < 100:
        return f"{value:.0f} ms"
    if value < 10_000:
        return f"{value / 1000:.2f} s"
    if value < 120_000:
        return f"{value / 1000:.0f} s"
    return f"{value // 60_000:.0f} min {value % 60_000 / 1000:.0f} s"


def still(seconds: float) -> str:
    """How long something will still take, no finer than it can be known: ``40 s``, ``3 min``, ``2 h 10 min``."""
    if seconds < 55:
        return f"{max(10, round(seconds / 10) * 10)} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{max(1, minutes)} min"
    hours, rest = divmod(round(minutes / 10) * 10, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def count(value: int, one: str, many: str = "") -> str:
    """A count with its noun: ``1 item``, ``1,204 items``."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def percent(value: float) -> str:
    """A share from 0 to 1: ``62 %``; below one per cent with one digit."""
    return f"{value * 100:.1f} %" if 0 < value < 0.01 else f"{value * 100:.0f} %"


def tokens(value: int) -> str:
    """A number of tokens: ``412 tok``, ``1,204 tok``."""
    return f"{value:,} tok"


def size(value: int) -> str:
    """Bytes: ``812 B``, ``4.2 KiB``, ``31 MiB``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"
        value /= 1024  # type: ignore[assignment]
    raise AssertionError

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

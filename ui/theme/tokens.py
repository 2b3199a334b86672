"""Colour tokens of the themes, from ``resources/themes/*.json``; no Qt, so that contrast can be tested anywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from workbench import paths

THEMES = ("dark", "light")


@dataclass(frozen=True, slots=True)
class Tokens:
    """One theme. ``colors`` maps a role to ``#RRGGBB``; ``lanes`` are the lane colours in their fixed order
    (Okabe and Ito's hues, moved until they keep 4.5:1 on the theme's surface)."""

    name: str
    colors: Mapping[str, str]
    lanes: tuple[str, ...]


def load(name: str) -> Tokens:
    """Read a theme by name (``dark`` or ``light``)."""
    data = json.loads((paths.resources() / "themes" / f"{name}.json").read_text("utf-8"))
    return Tokens(data["name"], data["colors"], tuple(data["lanes"]))


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two ``#RRGGBB`` colours after WCAG 2.2, from 1 to 21."""
    high, low = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

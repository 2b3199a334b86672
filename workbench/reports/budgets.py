"""Cache policies against budgets as one figure (SVG) and as rows: accuracy, evidence kept, KL to the full cache."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from html import escape

from workbench.projections.survival import SurvivalPoint

_ANCHORS = ((0, 32, 77), (61, 78, 107), (124, 123, 120), (190, 174, 109), (255, 234, 70))  # cividis, every quarter
_LEAST, _MOST = 1e-4, 10.0  # nats: the ends of the scale of distances
_ROW, _CELL, _NAME, _GAP, _HEAD, _EDGE = 17, 46, 168, 16, 58, 14


@dataclass(frozen=True, slots=True)
class Block:
    """The policies on one kind of task.

    Attributes:
        task: its name. title: what was asked, of which model, under which memory.
        budgets: columns, in order. full: accuracy of the full cache.
        points: by (policy as shown, budget).
        turns: of the full cache, accuracy of the first questions of conversations, of the second ones …; ``by_lane``:
            the same of the points' lanes.
    """

    task: str
    title: str
    budgets: tuple[float, ...]
    full: float | None
    points: dict[tuple[str, float], SurvivalPoint]
    turns: tuple[float, ...] = ()
    by_lane: Mapping[int, tuple[float, ...]] = field(default_factory=dict)

    @property
    def policies(self) -> tuple[str, ...]:
        """Rows, in the order in which they were measured."""
        return tuple(dict.fromkeys(name for name, _ in self.points))


def table(blocks: Sequence[Block]) -> str:
    """All figures as CSV with a header line."""
    out = io.StringIO()
    columns = [name for name in SurvivalPoint.__dataclass_fields__ if name != "lane"]
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["task", "row", "nominal budget", *columns])
    for block in blocks:
        for (name, budget), point in block.points.items():
            row = asdict(point)
            writer.writerow([block.task, name, budget, *("" if row[c] is None else row[c] for c in columns)])
    return out.getvalue()


def figure(blocks: Sequence[Block]) -> str:
    """The figure: for every block a row for each policy, and three groups of columns, one for each budget."""
    wide = max((_width(b) for b in blocks), default=400)
    tall = sum(_HEAD + _ROW * len(b.policies) + _GAP for b in blocks) + 26
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{tall}" viewBox="0 0 {wide} {tall}" '
        'font-family="system-ui, sans-serif" font-size="11">',
        f'<rect width="{wide}" height="{tall}" fill="#ffffff"/>',
    ]
    top = 0.0
    for block in blocks:
        parts += _block(block, top)
        top += _HEAD + _ROW * len(block.policies) + _GAP
    said = (
        "Bright is good everywhere. KL: next-token divergence of the full cache from the policy, nats, on a log scale."
    )
    parts += [_text(_EDGE, tall - 10, said, "#5b6470"), "</svg>"]
    return "\n".join(parts) + "\n"


def _width(block: Block) -> int:
    return _EDGE * 2 + _NAME + 3 * (len(block.budgets) * _CELL + _GAP)


def _block(block: Block, top: float) -> list[str]:
    full = "" if block.full is None else f" · full cache {_percent(block.full)} right"
    parts = [_text(_EDGE, top + 20, block.title + full, "#1b1f24", bold=True)]
    for number, title in enumerate(("right answers", "evidence kept", "KL to the full cache")):
        left = _EDGE + _NAME + number * (len(block.budgets) * _CELL + _GAP)
        parts.append(_text(left, top + 38, title, "#1b1f24"))
        for place, budget in enumerate(block.budgets):
            parts.append(_text(left + (place + 0.5) * _CELL, top + 52, f"{budget:.0%}", "#5b6470", "middle"))
    for row, name in enumerate(block.policies):
        y = top + _HEAD + row * _ROW
        badge = next(p.way for (n, _), p in block.points.items() if n == name)
        parts.append(_text(_EDGE, y + 12, f"{name}", "#1b1f24"))
        parts.append(_text(_EDGE + _NAME - 8, y + 12, _SHORT.get(badge, badge), "#5b6470", "end"))
        for number in range(3):
            left = _EDGE + _NAME + number * (len(block.budgets) * _CELL + _GAP)
            for place, budget in enumerate(block.budgets):
                point = block.points.get((name, budget))
                if point is not None:
                    parts += _cell(point, number, left + place * _CELL, y)
    return parts


_SHORT = {
    "evicted-uniform": "evicted", "emulated-per-head": "per head", "rewritten": "rewritten",
    "rewritten-evicted": "rewritten, evicted", "re-read": "re-read", "full": "full",
}  # fmt: skip


def _cell(point: SurvivalPoint, number: int, x: float, y: float) -> list[str]:
    value = (point.accuracy, point.evidence, point.kl)[number]
    if value is None:
        return []
    if number < 2:
        share, said = value, _percent(value)
    else:
        share = 1 - math.log(min(max(value, _LEAST), _MOST) / _LEAST) / math.log(_MOST / _LEAST)
        said = "0" if value < _LEAST / 2 else f"{value:.1g}" if value < 0.1 else f"{value:.1f}"
    red, green, blue = _color(share)
    ink = "#ffffff" if share < 0.55 else "#1b1f24"
    return [
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{_CELL - 1}" height="{_ROW - 1}" fill="rgb({red},{green},{blue})"/>',
        _text(x + _CELL / 2, y + 12, said, ink, "middle"),
    ]


def _color(share: float) -> tuple[int, int, int]:
    at = min(max(share, 0.0), 1.0) * (len(_ANCHORS) - 1)
    low = min(int(at), len(_ANCHORS) - 2)
    one, two = _ANCHORS[low], _ANCHORS[low + 1]
    red, green, blue = (round(a + (at - low) * (b - a)) for a, b in zip(one, two, strict=True))
    return red, green, blue


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _text(x: float, y: float, said: str, color: str, anchor: str = "start", bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x:.0f}" y="{y:.0f}" fill="{color}" text-anchor="{anchor}"{weight}>{escape(said)}</text>'

"""What was lost or cut in a lane, by operation: nothing is cut silently, and here it is counted."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.projections.index import TraceIndex
from workbench.trace.events import Kind
from workbench.trace.reader import LaneRow, TraceReader

ANSWER, CONTEXT = "answer", "context"
"""Operations that belong to no strategy: answering a probe, and packing what was recalled for it."""


@dataclass(frozen=True, slots=True)
class Loss:
    """So many times something was lost (``dropped``) or shortened (``cut``) in an operation, for this reason."""

    operation: str
    kind: str
    reason: str
    times: int


@dataclass(frozen=True, slots=True)
class LaneLosses:
    """The losses of one lane, most frequent first; for ``cut`` of ``packed`` answers the context was not whole."""

    lane: LaneRow
    losses: tuple[Loss, ...]
    cut: int = 0
    packed: int = 0

    def to_json(self) -> dict[str, Any]:
        """By operation and kind: ``{OPERATION: {"dropped": {REASON: times}, "cut": {REASON: times}}}``."""
        found: dict[str, dict[str, dict[str, int]]] = {}
        for loss in self.losses:
            found.setdefault(loss.operation, {}).setdefault(loss.kind, {})[loss.reason] = loss.times
        return found


def losses(reader: TraceReader, session: int | None = None) -> tuple[LaneLosses, ...]:
    """The losses of every lane, over one session or (None) over all."""
    found: dict[int, Counter[tuple[str, str, str]]] = {}
    cut, packed = Counter[int](), Counter[int]()
    listed = ", ".join(f"'{k}'" for k in (Kind.DROPPED, Kind.MODEL_CALLED, Kind.ANSWERED, Kind.PACKED))
    query = (
        f"SELECT lane, kind, CASE kind WHEN '{Kind.DROPPED}' THEN payload ELSE json_object("
        "'purpose', json_extract(payload, '$.purpose'), 'error', json_extract(payload, '$.error'), "
        "'dropped', json_array_length(payload, '$.dropped'), 'clipped', json_array_length(payload, '$.clipped')) END "
        f"FROM event WHERE kind IN ({listed}) AND (?1 IS NULL OR session = ?1)"
    )
    for lane, kind, text in reader.query(query, (session,)):
        data = json.loads(text)
        found.setdefault(lane, Counter()).update(_counted(kind, data))
        if kind == Kind.PACKED:
            packed[lane] += 1
            cut[lane] += bool(data.get("dropped") or data.get("clipped"))
    return tuple(
        LaneLosses(row, _listed(found.get(row.id, Counter())), cut[row.id], packed[row.id])
        for row in TraceIndex.of(reader).lanes
    )


def _counted(kind: str, data: Mapping[str, Any]) -> dict[tuple[str, str, str], int]:
    if kind == Kind.DROPPED:
        reason = _reason(data.get("reason"))
        return {(str(data.get("operation") or "memory"), "cut" if _CUT.search(reason) else "dropped", reason): 1}
    if kind == Kind.PACKED:
        counts = {"dropped": data.get("dropped") or 0, "cut": data.get("clipped") or 0}
        return {(CONTEXT, way, "no room in the context"): n for way, n in counts.items() if n}
    if not data.get("error"):
        return {}
    reason = _reason(data["error"])
    operation = str(data.get("purpose") or ANSWER)
    return {(operation, "cut" if _CUT.search(reason) else "dropped", reason): 1}


def _listed(counts: Counter[tuple[str, str, str]]) -> tuple[Loss, ...]:
    return tuple(Loss(*key, times) for key, times in sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))


def _reason(text: Any) -> str:
    """A reason without what differs from case to case: figures, and what follows a colon."""
    line = " ".join(str(text or "no reason given").split())
    return _FIGURE.sub("N", line.split(": ")[0])[:120]


_CUT = re.compile(r"cut|clip|repeats|limit|long|shorten", re.IGNORECASE)
_FIGURE = re.compile(r"\d[\d,.]*")

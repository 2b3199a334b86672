"""Runs that ``export --otel`` wrote, made into a run file again: sessions, lanes and events as they were.

Arrays (captured attention) are not exported, nor the events that name them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.sessions.formats import own
from workbench.sessions.formats.otlp import Span, decoded
from workbench.trace.events import Event, Kind
from workbench.trace.writer import TraceWriter

_KINDS = frozenset(map(str, Kind))
_AT_ONCE = 1000


class Import:
    """Collects spans of exported runs and writes them when all have come."""

    def __init__(self, writer: TraceWriter) -> None:
        self._writer = writer
        self._spans: list[Span] = []

    def take(self, spans: Sequence[Span]) -> list[Span]:
        """Keep what is ours; the rest is handed back."""
        mine = [s for s in spans if any(name.startswith(f"{own.KEY}.") for name in s.attributes)]
        self._spans += mine
        return [s for s in spans if s not in mine] if mine else list(spans)

    def finish(self) -> None:
        """Write what was collected."""
        below: dict[tuple[str, str], list[Span]] = {}
        for span in self._spans:
            below.setdefault((span.trace, span.parent), []).append(span)
        lanes: dict[str, int] = {}
        for root in (s for s in self._spans if own.OTEL_SESSION in s.attributes):
            number = self._session(root, below.get((root.trace, root.id), ()))
            if number:
                for lane in (s for s in below.get((root.trace, root.id), ()) if own.OTEL_LANE in s.attributes):
                    self._lane(number, lane, below.get((lane.trace, lane.id), ()), lanes)
        self._spans.clear()

    def _session(self, root: Span, inside: Sequence[Span]) -> int:
        told = (decoded(s.attributes.get(own.OTEL_TURN)) for s in inside)
        turns = [t for t in told if isinstance(t, Mapping) and isinstance(t.get("index"), int)]
        turns.sort(key=lambda t: int(t["index"]))
        session = own.session_of(decoded(root.attributes[own.OTEL_SESSION]), turns, Path(root.name))
        if session is None:
            return 0
        text = json.dumps(session.to_json(), sort_keys=True, ensure_ascii=False)
        return self._writer.add_session(session, hashlib.sha256(text.encode()).hexdigest())

    def _lane(self, session: int, root: Span, inside: Sequence[Span], lanes: dict[str, int]) -> None:
        about = decoded(root.attributes[own.OTEL_LANE])
        if not (isinstance(about, Mapping) and isinstance(about.get("name"), str)):
            return
        name = about["name"]
        if name not in lanes:
            params = about.get("params")
            memory, cache = str(about.get("memory", "")), str(about.get("cache", ""))
            lanes[name] = self._writer.add_lane(name, memory, cache, params if isinstance(params, Mapping) else {})
        found = filter(None, (_event(s, session, lanes[name]) for s in inside))
        events = list({e.n: e for e in found}.values())
        events.sort(key=lambda e: e.n)
        for at in range(0, len(events), _AT_ONCE):
            self._writer.append(events[at : at + _AT_ONCE])


def _event(span: Span, session: int, lane: int) -> Event | None:
    told: Any = decoded(span.attributes.get(own.OTEL_EVENT))
    if not (isinstance(told, Mapping) and told.get("kind") in _KINDS and isinstance(told.get("payload"), Mapping)):
        return None
    numbers = {k: told.get(k, 0) for k in ("turn", "n", "cause")}
    if not all(isinstance(v, int) for v in numbers.values()):
        return None
    ms = told.get("ms", 0.0)
    return Event(
        session,
        lane,
        numbers["turn"],
        numbers["n"],
        told["kind"],
        str(told.get("subject", "")),
        numbers["cause"],
        told["payload"],
        float(ms) if isinstance(ms, int | float) else 0.0,
    )

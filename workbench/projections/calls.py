"""What a lane asked its model at a turn, word for word, and what the engine said about the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.legibility import UNREAD, remark
from workbench.projections.index import TraceIndex
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader


@dataclass(frozen=True, slots=True)
class Call:
    """One model call, or the answer to a probe.

    Attributes:
        seq: its event.
        purpose: what the memory asked for (``note``, ``link``, ...); ``answer`` for a probe.
        prompt: (role or span, text) in order.
        raw: what the model wrote, untouched.
        tokens: of the prompt and generated.
        stop: why it stopped: ``end``, ``stop`` or ``limit``.
        error: what went wrong, empty for nothing.
        operations: how many operations of the memory the call brought about.
        subject: the probe of an answer.
    """

    seq: int
    purpose: str
    prompt: tuple[tuple[str, str], ...]
    raw: str
    tokens: tuple[int, int]
    stop: str
    error: str
    ms: float
    operations: int
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the engine's own log, or a remark of the lane."""

    seq: int
    turn: int
    kind: str
    text: str
    bad: bool = False


@dataclass(frozen=True, slots=True)
class CallLog:
    """The calls of a lane at a turn, its remarks there, and the engine's lines of the whole run."""

    lane: int
    turn: int
    calls: tuple[Call, ...]
    remarks: tuple[Line, ...]
    engine: tuple[Line, ...]


def calls(reader: TraceReader, session: int, lane: int, turn: int, seq: int | None = None) -> CallLog:
    """The log of a lane at ``turn``, up to the event ``seq`` when given."""
    index = TraceIndex.of(reader)
    events = [e for e in index.events(session, lane, turn) if seq is None or e.seq <= seq]
    caused = Counter(e.cause for e in events if e.kind.startswith("item.") and e.cause)
    packed = {e.subject: e for e in events if e.kind == Kind.PACKED}
    found = []
    for event in events:
        if event.kind == Kind.MODEL_CALLED:
            found.append(_call(event, caused[event.n]))
        elif event.kind == Kind.ANSWERED:
            found.append(_answer(event, packed.get(event.subject)))
    remarks = tuple(_remark(e) for e in events if e.kind in (Kind.DROPPED, Kind.NOTED, Kind.LANE_FAILED))
    return CallLog(lane, turn, tuple(found), remarks, _engine(reader, index))


def _call(event: Event, operations: int) -> Call:
    data = event.payload
    prompt = tuple((m["role"], m["text"]) for m in data.get("prompt", ()))
    tokens = data.get("tokens", (0, 0))
    return Call(
        event.seq,
        data.get("purpose", ""),
        prompt,
        data.get("raw", ""),
        (tokens[0], tokens[1]),
        data.get("stop", ""),
        data.get("error", ""),
        event.ms,
        operations,
    )


def _answer(event: Event, packed: Event | None) -> Call:
    data = event.payload
    spans = packed.payload.get("spans", ()) if packed else ()
    prompt = tuple((s["label"] or s["kind"], s["text"]) for s in spans)
    tokens = (data.get("prompt_tokens", 0), data.get("generated", len(data.get("tokens", ()))))
    stop, error = data.get("stop", ""), data.get("error", "")
    return Call(event.seq, "answer", prompt, data.get("text", ""), tokens, stop, error, event.ms, 0, event.subject)


def _remark(event: Event) -> Line:
    data = event.payload
    if event.kind == Kind.NOTED and data.get("name") == UNREAD:
        return Line(event.seq, event.turn, event.kind, remark(data["value"]), True)
    if event.kind == Kind.NOTED:
        return Line(event.seq, event.turn, event.kind, f"{data.get('name', '')} {_plain(data.get('value', ''))}")
    if event.kind == Kind.LANE_FAILED:
        return Line(event.seq, event.turn, event.kind, f"{data.get('message', '')}\n{data.get('traceback', '')}", True)
    return Line(event.seq, event.turn, event.kind, _joined((data.get("reason"), data.get("detail"))), True)


def _plain(value: Any) -> str:
    """A noted figure as a person reads it."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(held)}" for key, held in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value)) or "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _engine(reader: TraceReader, index: TraceIndex) -> tuple[Line, ...]:
    kept = index.memo.setdefault("engine", {"seq": 0, "lines": []})
    if kept["seq"] < index.seq:
        new = reader.events(lane=0, after_seq=kept["seq"], up_to_seq=index.seq)
        new = (e for e in new if e.kind not in (Kind.TURN_RECORDED, Kind.ENGINE_MEASURED))
        kept["lines"].extend(Line(e.seq, e.turn, e.kind, _said(e), e.kind == Kind.ENGINE_CRASHED) for e in new)
        kept["seq"] = index.seq
    return tuple(kept["lines"])


def _said(event: Event) -> str:
    data = event.payload
    if event.kind == Kind.ENGINE_LOADED:
        return _joined((data.get("name"), data.get("device"), data.get("embedder")))
    if event.kind == Kind.ENGINE_CRASHED:
        return _joined((f"signal {data.get('signal', '?')}", data.get("log")))
    if event.kind == Kind.RUN_STARTED:
        return "goes on from where it ended" if data.get("resumed") else "from the first turn"
    return ""


def _joined(parts: Iterable[object]) -> str:
    return " · ".join(str(p) for p in parts if p)

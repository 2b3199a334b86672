"""What the engine held and did at the cursor: memory by device, caches by lane, speed and queue over the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workbench.projections.index import TraceIndex
from workbench.trace.events import Event, Kind
from workbench.trace.reader import TraceReader

OWNERS = {"model": "weights", "work": "memory operations", "scope": "answers", "embedder": "embeddings"}
"""Who took memory, in words."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Memory of one kind on one device, in bytes."""

    device: str
    kind: str
    owner: str
    bytes: int

    @property
    def what(self) -> str:
        """In words: ``weights``, ``cache of answers``."""
        return self.kind if self.kind == "weights" else f"{self.kind} of {OWNERS.get(self.owner, self.owner)}"


@dataclass(frozen=True, slots=True)
class Sample:
    """A measurement.

    Attributes:
        after: seconds since the engine was loaded; rises through all its starts.
        speed: tokens per second since the measurement before; None where nothing was decoded.
        queue: requests that were decoded, answered or waited.
        resident: bytes of the model file in memory; None where it is not known.
    """

    seq: int
    after: float
    speed: float | None
    queue: int
    waiting: int
    resident: int | None
    process: int
    held: int
    threads: int


@dataclass(frozen=True, slots=True)
class LaneCache:
    """What a lane's last prompt takes in a cache.

    Attributes:
        tokens: of that prompt; ``bytes`` its keys and values.
        prompt: what it was for, ``answer`` or a memory operation.
    """

    lane: int
    place: int
    name: str
    prompt: str
    tokens: int
    bytes: int


@dataclass(frozen=True, slots=True)
class EngineView:
    """The engine at a cursor.

    Attributes:
        model, device, backend, embedder: what is loaded, and where.
        remote: whether a server computes; its memory is then not known.
        samples: every measurement of the run, in order; ``now`` is the place of the one at the cursor.
        context: tokens of a sequence, of which there are ``sequences``.
        layers, offloaded: of the model, and on a GPU.
        file: bytes of the model's file.
    """

    turn: int
    model: str
    device: str
    backend: str
    embedder: str
    remote: bool
    pieces: tuple[Piece, ...]
    lanes: tuple[LaneCache, ...]
    samples: tuple[Sample, ...]
    now: int
    context: int
    sequences: int
    kv_per_token: int
    layers: int
    offloaded: int
    file: int
    repeated: int

    @property
    def sample(self) -> Sample:
        """The measurement at the cursor."""
        return self.samples[self.now]

    @property
    def devices(self) -> dict[str, tuple[Piece, ...]]:
        """The pieces by device, the largest first."""
        found: dict[str, list[Piece]] = {}
        for piece in sorted(self.pieces, key=lambda p: -p.bytes):
            found.setdefault(piece.device, []).append(piece)
        return {name: tuple(pieces) for name, pieces in found.items()}

    @property
    def read_per_token(self) -> int:
        """Bytes of weights that the processor must read for every generated token: those that are not on a GPU."""
        return sum(p.bytes for p in self.pieces if p.kind == "weights" and p.device.startswith("CPU"))


def engine(reader: TraceReader, session: int, turn: int, seq: int | None = None) -> EngineView | None:
    """The engine at a cursor; None for a run that holds no measurement."""
    index = TraceIndex.of(reader)
    samples = _samples(reader, index)
    if not samples:
        return None
    end = seq if seq is not None else _end(reader, session, turn)
    loaded = [e.payload for e in reader.events(lane=0, kinds=(Kind.ENGINE_LOADED,))]
    info = loaded[-1] if loaded else {}
    now = max((n for n, s in enumerate(samples) if s.seq <= end), default=0)
    measured = next(reader.events(lane=0, kinds=(Kind.ENGINE_MEASURED,), after_seq=samples[now].seq - 1)).payload
    kv = int(measured.get("kv_per_token", 0))
    return EngineView(
        turn,
        str(info.get("name", "")),
        str(info.get("device", "")),
        str(info.get("backend", "")),
        str(info.get("embedder", "")),
        str(info.get("device", "")).startswith("server "),
        tuple(Piece(**piece) for piece in measured.get("buffers", ())),
        _lanes(reader, index, session, turn, end, kv),
        samples,
        now,
        int(measured.get("context", 0)),
        int(measured.get("sequences", 0)),
        kv,
        int(measured.get("layers", 0)),
        int(measured.get("offloaded", 0)),
        int(measured.get("file", 0)),
        int(measured.get("repeated", 0)),
    )


def _end(reader: TraceReader, session: int, turn: int) -> int:
    """The last event of a turn, in any lane."""
    rows = reader.query("SELECT max(seq) FROM event WHERE session = ? AND turn = ? AND lane > 0", (session, turn))
    return int(rows[0][0] or 0)


def _samples(reader: TraceReader, index: TraceIndex) -> tuple[Sample, ...]:
    """Every measurement so far; kept, and added to while the run goes on."""
    kept: dict[str, Any] = index.memo.setdefault("engine-samples", {"seq": 0, "last": None, "base": 0.0, "samples": []})
    if kept["seq"] < index.seq:
        events = reader.events(lane=0, kinds=(Kind.ENGINE_MEASURED,), after_seq=kept["seq"], up_to_seq=index.seq)
        for event in events:
            kept["samples"].append(_sample(event, kept))
        kept["seq"] = index.seq
    return tuple(kept["samples"])


def _sample(event: Event, kept: dict[str, Any]) -> Sample:
    data, before = event.payload, kept["last"]
    started = before is None or data["after"] < before["after"] or data["tokens"] < before["tokens"]
    if started and before is not None:
        kept["base"] += before["after"]  # the engine was started again: its clock, too
    tokens = data["tokens"] - (0 if started else before["tokens"])
    seconds = data["seconds"] - (0.0 if started else before["seconds"])
    kept["last"] = data
    busy = data["active"] + data["answering"]
    return Sample(
        event.seq,
        kept["base"] + data["after"],
        tokens / seconds if tokens > 0 and seconds > 0 else None,
        busy + data["waiting"],
        data["waiting"],
        data["resident"],
        data["process"],
        data["held"],
        data["threads"],
    )


def _lanes(reader: TraceReader, index: TraceIndex, session: int, turn: int, end: int, kv: int) -> tuple[LaneCache, ...]:
    """Each lane's last prompt up to the cursor."""
    found = []
    for place, row in enumerate(reader.lanes()):
        last = reader.query(
            "SELECT kind, json_extract(payload, '$.purpose'), json_extract(payload, '$.tokens[0]'), "
            "json_extract(payload, '$.prompt_tokens') FROM event WHERE session = ? AND lane = ? AND turn <= ? "
            "AND seq <= ? AND kind IN (?, ?) ORDER BY seq DESC LIMIT 1",
            (session, row.id, turn, end, str(Kind.MODEL_CALLED), str(Kind.ANSWERED)),
        )
        if not last:
            continue
        kind, purpose, memory, answer = last[0]
        tokens = int((answer if kind == Kind.ANSWERED else memory) or 0)
        prompt = "answer" if kind == Kind.ANSWERED else str(purpose)
        found.append(LaneCache(row.id, place, row.name, prompt, tokens, tokens * kv))
    return tuple(found)

"""What every lane cost: model calls by purpose, tokens, time per turn, and what its memory holds in the end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from workbench.memory.items import Item
from workbench.projections.index import TraceIndex
from workbench.projections.scores import ANSWER_TOKENS_SQL
from workbench.trace.events import Kind
from workbench.trace.reader import LaneRow, TraceReader


@dataclass(frozen=True, slots=True)
class Spent:
    """Model calls of one purpose and the tokens that they read and wrote."""

    calls: int
    prompt: int
    generated: int


@dataclass(frozen=True, slots=True)
class LaneCosts:
    """What a lane cost over the sessions looked at.

    Attributes:
        writing, reading: the strategy's own calls by purpose, in order of first use: while it took in turns, and while
            it recalled for probes.
        answers: the calls that answered probes; none with a reader that is not a model.
        turns, probes: turns that were read, probes that were answered.
        write_seconds, read_seconds: of the lane's own steps (recall and answer together), without the wait for the
            other lanes; runs of the first version hold it.
        items, active: every item that the memory ever held, and those that it holds in the end.
        size: bytes (UTF-8) of the active items' texts, fields and index texts; vectors are not counted.
    """

    lane: LaneRow
    writing: Mapping[str, Spent]
    reading: Mapping[str, Spent]
    answers: Spent
    turns: int
    probes: int
    write_seconds: float
    read_seconds: float
    items: int
    active: int
    size: int

    @property
    def written(self) -> Spent:
        """All calls of the write path."""
        return _together(self.writing)

    @property
    def read(self) -> Spent:
        """All calls of the read path but the answers."""
        return _together(self.reading)

    @property
    def seconds_a_turn(self) -> float:
        """Mean time to take in a turn; 0 before the first."""
        return self.write_seconds / self.turns if self.turns else 0.0

    @property
    def seconds_a_probe(self) -> float:
        """Mean time to recall and answer; 0 before the first."""
        return self.read_seconds / self.probes if self.probes else 0.0

    @property
    def purposes(self) -> str:
        """What the strategy called its model for: ``note 40, link 12; to read: keywords 3``."""
        return "; to read: ".join(filter(None, (_named(self.writing), _named(self.reading))))

    def to_json(self) -> dict[str, object]:
        """The stable shape in ``mnemoscope score --json``."""
        return {
            "lane": self.lane.name,
            "calls": {
                "write": {purpose: asdict(spent) for purpose, spent in self.writing.items()},
                "read": {purpose: asdict(spent) for purpose, spent in self.reading.items()},
                "answer": asdict(self.answers),
            },
            "turns": self.turns,
            "probes": self.probes,
            "seconds_per_turn": round(self.seconds_a_turn, 5),
            "seconds_per_probe": round(self.seconds_a_probe, 5),
            "items": self.items,
            "active": self.active,
            "bytes": self.size,
        }


def _together(spent: Mapping[str, Spent]) -> Spent:
    own = list(spent.values())
    return Spent(sum(s.calls for s in own), sum(s.prompt for s in own), sum(s.generated for s in own))


def _named(spent: Mapping[str, Spent]) -> str:
    most_first = sorted(spent.items(), key=lambda part: -part[1].calls)
    return ", ".join(f"{purpose} {own.calls:,}" for purpose, own in most_first)


_CLOSED_LATER = f"""
EXISTS (SELECT 1 FROM event closed WHERE closed.session = call.session AND closed.lane = call.lane
    AND closed.turn = call.turn AND closed.kind = '{Kind.TURN_CLOSED}' AND closed.seq > call.seq)
"""
"""A call of the write path: its step ended in closing the turn. Probes are asked when the turn is closed."""
_CALLS = f"""
SELECT lane, json_extract(payload, '$.purpose') AS purpose, {_CLOSED_LATER} AS write, count(*),
    sum(coalesce(json_extract(payload, '$.tokens[0]'), 0)), sum(coalesce(json_extract(payload, '$.tokens[1]'), 0))
FROM event call WHERE kind = '{Kind.MODEL_CALLED}' AND (?1 IS NULL OR session = ?1)
GROUP BY lane, purpose, write ORDER BY min(seq)
"""
_ANSWERS = f"""
SELECT lane, count(*), sum(json_extract(payload, '$.prompt_tokens') > 0), sum(json_extract(payload, '$.prompt_tokens')),
    sum({ANSWER_TOKENS_SQL})
FROM event WHERE kind = '{Kind.ANSWERED}' AND (?1 IS NULL OR session = ?1) GROUP BY lane
"""
_TIMES = f"""
SELECT lane, sum(kind = '{Kind.TURN_CLOSED}'), sum((kind = '{Kind.TURN_CLOSED}') * ms),
    sum((kind != '{Kind.TURN_CLOSED}') * ms)
FROM event WHERE kind IN ('{Kind.TURN_CLOSED}', '{Kind.RECALLED}', '{Kind.ANSWERED}')
    AND (?1 IS NULL OR session = ?1) GROUP BY lane
"""
_NOTHING = Spent(0, 0, 0)


def costs(reader: TraceReader, session: int | None = None) -> tuple[LaneCosts, ...]:
    """The costs of every lane, over one session or (None) over all of them."""
    index = TraceIndex.of(reader)
    calls: dict[tuple[int, int], dict[str, Spent]] = {}
    for lane, purpose, write, *spent in reader.query(_CALLS, (session,)):
        calls.setdefault((lane, write), {})[purpose] = Spent(*spent)
    answers = {lane: (probes, Spent(*spent)) for lane, probes, *spent in reader.query(_ANSWERS, (session,))}
    times = {lane: (turns, wrote, read) for lane, turns, wrote, read in reader.query(_TIMES, (session,))}
    numbers = [session] if session is not None else list(reader.session_names())
    found = []
    for row in index.lanes:
        turns, wrote, read = times.get(row.id, (0, 0.0, 0.0))
        probes, answered = answers.get(row.id, (0, _NOTHING))
        found.append(
            LaneCosts(
                row,
                calls.get((row.id, 1), {}),
                calls.get((row.id, 0), {}),
                answered,
                turns,
                probes,
                wrote / 1000,
                read / 1000,
                *_held(index, row.id, numbers),
            )
        )
    return tuple(found)


def _held(index: TraceIndex, lane: int, sessions: list[int]) -> tuple[int, int, int]:
    """Items ever held, items held in the end, and their bytes."""
    items = active = size = 0
    for session in sessions:
        state = index.state(session, lane, index.turns(session) - 1)
        held = state.active()
        items, active, size = items + len(state), active + len(held), size + sum(map(stored, held))
    return items, active, size


def stored(item: Item) -> int:
    """Bytes that an item takes: text, fields as JSON, and the indexed text where that is another one."""
    fields = json.dumps(dict(item.fields), ensure_ascii=False, separators=(",", ":")) if item.fields else ""
    indexed = item.index_text if item.index_text != item.text else ""
    return len((item.text + fields + indexed).encode("utf-8", "surrogatepass"))

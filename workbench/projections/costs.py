"""What every lane cost: model calls by purpose, tokens, time per turn, and what its memory holds in the end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from workbench.memory.items import Item
from workbench.projections.index import TraceIndex
from workbench.trace.events import Kind
from workbench.trace.reader import LaneRow, TraceReader

ANSWER = "answer"
"""The purpose of the call that answers a probe; every other purpose is a strategy's own."""


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
        spent: by purpose, in order of first use; ``answer`` are the answers to probes.
        turns: turns that were read.
        seconds: of the lane's own steps; in a batched run they hold the wait for the other lanes.
        items, active: every item that the memory ever held, and those that it holds in the end.
        size: bytes (UTF-8) of the active items' texts, fields and index texts; vectors are not counted.
    """

    lane: LaneRow
    spent: Mapping[str, Spent]
    turns: int
    seconds: float
    items: int
    active: int
    size: int

    @property
    def writing(self) -> Spent:
        """All calls but the answers."""
        own = [s for purpose, s in self.spent.items() if purpose != ANSWER]
        return Spent(sum(s.calls for s in own), sum(s.prompt for s in own), sum(s.generated for s in own))

    @property
    def answers(self) -> Spent:
        """The calls that answered probes."""
        return self.spent.get(ANSWER, Spent(0, 0, 0))

    @property
    def seconds_a_turn(self) -> float:
        """Mean over the turns; 0 before the first."""
        return self.seconds / self.turns if self.turns else 0.0

    @property
    def purposes(self) -> str:
        """What the strategy called its model for, most often first: ``note 40, link 12``."""
        own = [(purpose, spent.calls) for purpose, spent in self.spent.items() if purpose != ANSWER]
        return ", ".join(f"{purpose} {calls:,}" for purpose, calls in sorted(own, key=lambda part: -part[1]))

    def to_json(self) -> dict[str, object]:
        """The stable shape in ``mnemoscope score --json``."""
        return {
            "lane": self.lane.name,
            "calls": {purpose: asdict(spent) for purpose, spent in self.spent.items()},
            "turns": self.turns,
            "seconds_per_turn": round(self.seconds_a_turn, 5),
            "items": self.items,
            "active": self.active,
            "bytes": self.size,
        }


@dataclass
class _Sum:
    spent: dict[str, Spent] = field(default_factory=dict)
    turns: int = 0
    seconds: float = 0.0


_CALLS = f"""
SELECT lane, json_extract(payload, '$.purpose') AS purpose, count(*),
    sum(coalesce(json_extract(payload, '$.tokens[0]'), 0)), sum(coalesce(json_extract(payload, '$.tokens[1]'), 0))
FROM event WHERE kind = '{Kind.MODEL_CALLED}' AND (?1 IS NULL OR session = ?1) GROUP BY lane, purpose ORDER BY min(seq)
"""
_ANSWERS = f"""
SELECT lane, '{ANSWER}', count(*), sum(json_extract(payload, '$.prompt_tokens')),
    sum(json_array_length(payload, '$.tokens'))
FROM event WHERE kind = '{Kind.ANSWERED}' AND (?1 IS NULL OR session = ?1) GROUP BY lane
"""
_TIMES = f"""
SELECT lane, sum(kind = '{Kind.TURN_CLOSED}'), sum(ms) FROM event
WHERE kind IN ('{Kind.TURN_CLOSED}', '{Kind.RECALLED}', '{Kind.ANSWERED}') AND (?1 IS NULL OR session = ?1)
GROUP BY lane
"""


def costs(reader: TraceReader, session: int | None = None) -> tuple[LaneCosts, ...]:
    """The costs of every lane, over one session or (None) over all of them."""
    index = TraceIndex.of(reader)
    sums = {row.id: _Sum() for row in index.lanes}
    for query in (_CALLS, _ANSWERS):
        for lane, purpose, calls, prompt, generated in reader.query(query, (session,)):
            sums[lane].spent[purpose] = Spent(calls, prompt or 0, generated or 0)
    for lane, turns, ms in reader.query(_TIMES, (session,)):
        if lane in sums:
            sums[lane].turns, sums[lane].seconds = turns, (ms or 0.0) / 1000
    numbers = [session] if session is not None else list(reader.session_names())
    return tuple(_lane(index, row, sums[row.id], numbers) for row in index.lanes)


def _lane(index: TraceIndex, row: LaneRow, spent: _Sum, sessions: list[int]) -> LaneCosts:
    items = active = size = 0
    for session in sessions:
        state = index.state(session, row.id, index.turns(session) - 1)
        held = state.active()
        items, active, size = items + len(state), active + len(held), size + sum(map(stored, held))
    return LaneCosts(row, spent.spent, spent.turns, spent.seconds, items, active, size)


def stored(item: Item) -> int:
    """Bytes that an item takes: text, fields as JSON, and the indexed text where that is another one."""
    fields = json.dumps(dict(item.fields), ensure_ascii=False, separators=(",", ":")) if item.fields else ""
    indexed = item.index_text if item.index_text != item.text else ""
    return len((item.text + fields + indexed).encode("utf-8", "surrogatepass"))

"""What a retrieval baseline stores: every turn, or chunks of so many tokens as MemoryAgentBench does."""

from __future__ import annotations

from workbench.errors import UsageError
from workbench.memory.base import Mind
from workbench.memory.items import Item
from workbench.memory.lines import said
from workbench.memory.log import MemoryLog
from workbench.memory.pieces import cut
from workbench.sessions.model import Turn
from workbench.words import numeric

TURN, CHUNK = "turn", "chunk"
MAB_CHUNK = 4096
"""Tokens of a chunk in MemoryAgentBench's configurations."""


def checked(unit: str) -> int:
    """Tokens of a chunk, 0 for turns. Raises ``UsageError`` for what is neither ``turn`` nor ``chunk:N``."""
    kind, _, size = unit.partition(":")
    if kind == TURN and not size:
        return 0
    if kind == CHUNK and (not size or numeric(size) > 0):
        return int(size or MAB_CHUNK)
    raise UsageError(f"unit is {unit!r}", "write turn, or chunk:N with N tokens")


def store(turn: Turn, unit: str, mind: Mind, log: MemoryLog) -> list[Item]:
    """Append a turn as an item, or to the open chunk; the items that were written or changed.

    A turn joins the last chunk as long as both fit into one; a turn longer than a chunk is cut at its sentences. In a
    chunk every turn begins on a line of its own, under its time.
    """
    size = checked(unit)
    if not size:
        return [log.write(turn.said, TURN, id=f"turn-{turn.index}")]
    changed: dict[str, Item] = {}
    for piece in cut(str(said(turn)), size, mind.count_tokens):
        last = next(reversed(log.state.active(CHUNK)), None)
        joined = f"{last.text}\n{piece}" if last else piece
        if last is None or mind.count_tokens(joined) > size:
            item = log.write(piece, CHUNK)
        else:
            item = log.update(last.id, text=joined, index_text=joined, turns=(*last.turns, turn.index), reason="joined")
        changed[item.id] = item
    return list(changed.values())

"""LangGraph: states of threads and their histories, and checkpoints, with LangChain messages in a channel.

Every state of a thread repeats the messages before it; the history (newest first, as LangGraph gives it, or any order)
is told once. Which node is next, and other channels, stay in the session's ``extra``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from workbench.errors import SessionFormatError
from workbench.sessions.formats.exchange import asked
from workbench.sessions.formats.limits import Remarks
from workbench.sessions.formats.lines import dotted, placed, sample, stem
from workbench.sessions.formats.messages import plain
from workbench.sessions.formats.shapes import MEND, each, table
from workbench.sessions.formats.threads import Record, named, threads
from workbench.sessions.formats.when import When, first, instant
from workbench.sessions.model import Session

_HOLDERS = ("values", "channel_values", "checkpoint", "state")


def detect(data: Any, path: Path) -> bool:
    """Objects whose ``values``, or a checkpoint's ``channel_values``, hold messages."""
    return any(_channel(row) is not None for row in sample(data))


def _channel(row: Mapping[str, Any], depth: int = 0) -> tuple[str, list[Any], Mapping[str, Any]] | None:
    """Place and messages of a state, and the channels that hold them."""
    for key in _HOLDERS:
        inner = row.get(key)
        if not isinstance(inner, Mapping):
            continue
        if isinstance(inner.get("messages"), list) and key in ("values", "channel_values", "state"):
            return f"{key}.messages", inner["messages"], inner
        deeper = _channel(inner, depth + 1) if depth < 3 else None
        if deeper:
            return f"{key}.{deeper[0]}", deeper[1], deeper[2]
    return None


def read(data: Any, path: Path) -> list[Session]:
    """One session per thread."""
    remarks = Remarks()
    states = each(placed(data), lambda where, row: _state(where, table(row, where)), remarks)
    order = sorted(range(len(states)), key=lambda n: (states[n][0], n))
    if all(a[0] == float("inf") for a in states):  # no times: LangGraph gives the newest first
        lengths = [len(s[1].asked) for s in states]
        order = order[::-1] if lengths and lengths[0] > lengths[-1] else order
    found = named(threads(states[n][1] for n in order), stem(path), "langgraph", remarks)
    return found


def _state(where: str, row: Mapping[str, Any]) -> tuple[float, Record]:
    channel = _channel(row)
    if channel is None:
        raise SessionFormatError(f"{where or 'the file'}: no channel with messages", MEND)
    place, messages, _ = channel
    at = _time(row)
    thread, part = _thread(row)
    told = asked(messages, dotted(where, place), at)
    moment = instant(at.date)
    return (float("inf") if moment is None else moment), Record(where, tuple(told), id=part or "state", name=thread)


def _time(row: Mapping[str, Any]) -> When:
    checkpoint = row.get("checkpoint")
    return first(row, checkpoint if isinstance(checkpoint, Mapping) else None)


def _thread(row: Mapping[str, Any]) -> tuple[str, str]:
    """A thread's name, and what tells it (and a graph inside it) from others."""
    found, space = row.get("thread_id"), ""
    for key in ("config", "checkpoint", "metadata"):
        inner = row.get(key)
        inner = inner.get("configurable", inner) if isinstance(inner, Mapping) else {}
        if isinstance(inner, Mapping):
            found = found or inner.get("thread_id")
            space = space or plain(inner.get("checkpoint_ns"))
    name = plain(found)
    return (f"{name} · {space}" if space else name), f"{name}\0{space}"

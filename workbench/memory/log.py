"""The log through which a strategy changes its items: each call is one operation in the trace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from workbench.memory.items import Item, MemoryState
from workbench.trace.events import Event, Kind


class MemoryLog:
    """Operations of one lane on one session. What is logged is folded into ``state`` at once.

    Args:
        emit: takes ``(kind, subject, payload, cause, ms)`` and returns the recorded event.
        state: the fold of everything before.
        now: the session's date at this turn (ISO 8601), empty when it tells none. Never the wall clock.
        seed: for whatever a method draws at random.
        whens: when each turn was said, in words; empty where the session does not tell. Later ones are not looked at.
    """

    def __init__(
        self,
        emit: Callable[[str, str, dict[str, Any], int, float], Event],
        state: MemoryState,
        turn: int,
        now: str = "",
        seed: int = 0,
        whens: Sequence[str] = (),
    ) -> None:
        self._emit, self.state, self.turn, self.now, self.seed = emit, state, turn, now, seed
        self._whens = whens

    @property
    def when(self) -> str:
        """When the current turn was said, in words; empty when the session does not tell."""
        return self.said_at((self.turn,))

    def said_at(self, turns: Iterable[int]) -> str:
        """When the last of these turns was said, in words."""
        last = min(self.turn, len(self._whens) - 1)
        told = [self._whens[t] for t in sorted(turns) if 0 <= t <= last and self._whens[t]]
        return told[-1] if told else ""

    def write(
        self,
        text: str,
        kind: str,
        turns: Iterable[int] | None = None,
        *,
        index_text: str | None = None,
        id: str | None = None,
        cause: int = 0,
        **fields: Any,
    ) -> Item:
        """Write a new item. ``turns`` defaults to the current turn, ``index_text`` to ``text`` ("" = not indexed)."""
        name = id or f"{kind}-{self.state.of_kind(kind)}"
        if name in self.state:
            raise ValueError(f"item {name!r} exists")
        origin = [self.turn] if turns is None else sorted(set(turns))
        when = self.said_at(origin)
        payload = {
            "kind": kind,
            "text": text,
            "turns": origin,
            "fields": fields,
            "index_text": text if index_text is None else index_text,
        } | ({"when": when} if when else {})
        self._log(Kind.WRITTEN, name, payload, cause)
        return self.state[name]

    def update(self, id: str, *, reason: str = "", cause: int = 0, **values: Any) -> Item:
        """Change ``text``, ``turns``, ``index_text`` or fields of an item; what stays equal is not recorded."""
        item = self.state[id]
        changes: dict[str, Any] = {}
        for name, new in values.items():
            old = getattr(item, name) if name in ("text", "index_text", "kind", "turns") else item.fields.get(name)
            new = sorted(set(new)) if name == "turns" else new
            old = list(item.turns) if name == "turns" else old
            if old != new:
                changes[name] = [old, new]
        if "turns" in changes and (when := self.said_at(changes["turns"][1])) != item.when:
            changes["when"] = [item.when, when]
        if changes:
            self._log(Kind.UPDATED, id, {"changes": changes, "reason": reason}, cause)
        return self.state[id]

    def supersede(self, id: str, by: str, *, reason: str = "", cause: int = 0) -> None:
        """Mark an item as replaced by another one, which stays."""
        self._log(Kind.SUPERSEDED, id, {"by": by, "reason": reason}, cause)

    def merge(self, ids: Sequence[str], into: str, *, reason: str = "", cause: int = 0) -> None:
        """Mark items as absorbed by ``into``, which must have been written before."""
        for id in ids:
            if id != into:
                self._log(Kind.MERGED, id, {"into": into, "reason": reason}, cause)

    def delete(self, id: str, *, reason: str = "", cause: int = 0) -> None:
        """Delete an item; it stays in the trace and can be restored."""
        self._log(Kind.DELETED, id, {"reason": reason}, cause)

    def link(self, source: str, target: str, label: str = "", weight: float = 1.0, *, cause: int = 0) -> None:
        """Link two items; linking again with the same label sets the weight."""
        self._log(Kind.LINKED, source, {"to": target, "label": label, "weight": weight}, cause)

    def unlink(self, source: str, target: str, label: str = "", *, cause: int = 0) -> None:
        """Remove a link."""
        self._log(Kind.UNLINKED, source, {"to": target, "label": label}, cause)

    def evict(self, id: str, *, reason: str = "", cause: int = 0) -> None:
        """Take an item out of reach for lack of room."""
        self._log(Kind.EVICTED, id, {"reason": reason}, cause)

    def restore(self, id: str, *, reason: str = "", cause: int = 0) -> None:
        """Bring an ended item back."""
        self._log(Kind.RESTORED, id, {"reason": reason}, cause)

    def access(self, ids: Iterable[str], query: str = "", *, cause: int = 0) -> None:
        """Record that items were retrieved (methods whose state depends on use)."""
        for id in ids:
            self._log(Kind.ACCESSED, id, {"query": query}, cause)

    def dropped(self, reason: str, detail: str = "", *, operation: str = "", cause: int = 0) -> None:
        """Something that should have been stored or shown was lost.

        Args:
            reason: ``cut off`` (token limit), ``too long`` (clipped, or ended by the schema), ``repetition``,
                ``invented id``, ``not in the schema``, or what a method calls its own loss.
            operation: the memory operation whose output it was.
        """
        payload = {"reason": reason, "detail": detail} | ({"operation": operation} if operation else {})
        self._log(Kind.DROPPED, "", payload, cause)

    def note(self, name: str, value: Any, *, subject: str = "", cause: int = 0) -> None:
        """A figure worth showing (surprise curve, router weights, controller's decision). Plain JSON."""
        self._log(Kind.NOTED, subject, {"name": name, "value": value}, cause)

    def _log(self, kind: Kind, subject: str, payload: dict[str, Any], cause: int) -> None:
        self.state.apply(self._emit(kind, subject, payload, cause, 0.0))

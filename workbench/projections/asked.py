"""Which probe one speaks of at a turn. One rule for every view, so that no two of them show different probes."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from workbench.sessions.model import Probe, Session

_KEPT = 16
_orders: dict[int, tuple[tuple[Probe, ...], list[int], list[Probe]]] = {}  # sorting 200 probes at every step is felt


def due(session: Session, turn: int) -> tuple[Probe, ...]:
    """The probes asked together last, at or before ``turn``, in the session's order; empty before the first."""
    turns, order = _order(session)
    end = bisect_right(turns, turn)
    return tuple(order[bisect_left(turns, turns[end - 1]) : end]) if end else ()


def in_question(session: Session, turn: int, selected: str = "", pinned: bool = False) -> Probe | None:
    """The selected probe where it is due at ``turn`` or pinned, else the first one due; None before the first."""
    here = due(session, turn)
    among = session.probes if pinned else here
    return next((p for p in among if p.id == selected), next(iter(here), None))


def _order(session: Session) -> tuple[list[int], list[Probe]]:
    probes = session.probes
    found = _orders.get(id(probes))
    if found is None or found[0] is not probes:
        order = sorted(probes, key=lambda p: p.after)
        if len(_orders) >= _KEPT:
            _orders.clear()
        found = _orders[id(probes)] = probes, [p.after for p in order], order
    return found[1], found[2]

"""Versions: what an item said, from which operation to which."""

from tests.support.minds import Lane
from workbench.memory.strategies.full import Full
from workbench.sessions.model import Turn
from workbench.trace.events import Kind
from workbench.why.history import versions


def told(*texts: str) -> Lane:
    return Lane(Full()).observe(*(Turn(n, "user", text, "Mira") for n, text in enumerate(texts)))


def test_every_change_of_text_is_a_version() -> None:
    lane = told("Oslo.", "Lima.")
    log = lane.log()
    log.update("turn-0", text="Mira: Rome.", turns=[0, 1], reason="UPDATE")
    log.update("turn-0", mood="glad")
    log.delete("turn-0")
    log.restore("turn-0")
    numbered = [e.__class__(**{n: getattr(e, n) for n in e.__slots__} | {"seq": e.n}) for e in lane.events]
    mine = [v for v in versions(numbered) if v.item == "turn-0"]
    assert [(v.text, v.turns) for v in mine] == [
        ("Mira: Oslo.", (0,)),
        ("Mira: Rome.", (0, 1)),
        ("Mira: Rome.", (0, 1)),
    ]
    assert [v.ended.kind if v.ended else None for v in mine] == [Kind.UPDATED, Kind.DELETED, None]
    assert mine[1].values["mood"] == "glad"
    last = numbered[-1].seq
    assert [v.alive(last) for v in mine] == [False, False, True]
    assert [v.alive(mine[0].began.seq) for v in mine] == [True, False, False]


def test_what_is_changed_while_it_is_away_stays_away() -> None:
    lane = told("Oslo.")
    log = lane.log()
    log.evict("turn-0")
    log.update("turn-0", text="Mira: Rome.")
    numbered = [e.__class__(**{n: getattr(e, n) for n in e.__slots__} | {"seq": e.n}) for e in lane.events]
    assert not any(v.alive(numbered[-1].seq) for v in versions(numbered))

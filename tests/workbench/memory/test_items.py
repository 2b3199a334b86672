import random
from dataclasses import replace

import pytest

from workbench.memory.items import MemoryState
from workbench.memory.log import MemoryLog
from workbench.trace.events import Event


def log() -> tuple[MemoryLog, list[Event]]:
    events: list[Event] = []

    def emit(kind: str, subject: str, payload: dict, cause: int, ms: float) -> Event:
        events.append(Event(1, 1, 3, len(events) + 1, kind, subject, cause, payload, ms))
        return events[-1]

    return MemoryLog(emit, MemoryState(), 3), events


def test_every_operation_is_an_event_and_the_fold_equals_the_live_state() -> None:
    memory, events = log()
    a = memory.write("Mira lives in Oslo", "fact", tags=["home"])
    b = memory.write("Mira lives in Lima", "fact", turns=[5, 3, 5], index_text="")
    c = memory.write("Mira moved", "fact")
    memory.update(a.id, text="Mira lives in Turin", tags=["city"], heat=2, turns=[3, 1], cause=1)
    memory.supersede(a.id, b.id, reason="newer")
    memory.link(b.id, a.id, "replaces", 0.5)
    memory.link(b.id, c.id)
    memory.unlink(b.id, c.id)
    memory.merge([b.id, c.id], into=c.id)
    memory.access([c.id, c.id], "where")
    memory.evict(c.id)
    memory.restore(c.id)
    memory.delete(a.id, reason="wrong")
    assert MemoryState(events) == memory.state
    assert memory.state[a.id].status == "deleted" and memory.state[a.id].fields == {"tags": ["city"], "heat": 2}
    assert memory.state[a.id].turns == (1, 3) and memory.state[b.id].turns == (3, 5)
    assert memory.state[b.id].successor == c.id and memory.state[c.id].active and memory.state[c.id].accessed == 2
    assert [link.label for link in memory.state.links.values()] == ["replaces"]
    assert [item.id for item, _ in memory.state.neighbours(a.id)] == [b.id]
    assert [i.id for i in memory.state.active()] == [c.id]


def test_what_stays_equal_is_not_recorded() -> None:
    memory, events = log()
    item = memory.write("x", "fact", tags=["a"])
    memory.update(item.id, text="x", tags=["a"], turns=[3])
    assert len(events) == 1


def test_an_id_is_written_once() -> None:
    memory, _ = log()
    memory.write("x", "fact", id="a")
    with pytest.raises(ValueError, match="exists"):
        memory.write("y", "fact", id="a")


def test_active_items_are_those_that_are_in_the_order_they_were_written_whatever_happens() -> None:
    memory, events = log()
    rng = random.Random(5)
    for number in range(300):
        item = memory.write(f"{number}", rng.choice(("turn", "note")))
        for other in rng.sample(sorted(memory.state.items), min(2, len(memory.state))):
            known = memory.state[other]
            if known.active and other != item.id:
                rng.choice((memory.evict, memory.delete))(other)
            elif not known.active:
                memory.restore(other)
        plain = [i for i in memory.state.items.values() if i.active]
        assert memory.state.active() == plain and memory.state.held == len(plain)
        assert memory.state.active("note") == [i for i in plain if i.kind == "note"]
    assert MemoryState(events).active() == memory.state.active()


def test_a_copy_goes_on_by_itself() -> None:
    memory, _ = log()
    for number in range(4):
        memory.write(f"{number}", "note")
    memory.evict("note-1")
    copy = memory.state.copy()
    assert (copy.held, copy.of_kind("note"), copy.active()) == (3, 4, memory.state.active())
    memory.evict("note-0")
    assert copy.held == 3 and len(copy.active()) == 3 and len(memory.state.active()) == 2


def test_an_item_can_be_put_where_its_turn_has_it() -> None:
    memory, events = log()
    for name in ("a", "b", "c", "late"):
        memory.write(name, "note", id=name)
    turns = (1, 4, 9, 4)
    state = MemoryState(replace(event, turn=turn) for event, turn in zip(events, turns, strict=True))
    state.settle("late")
    assert [i.id for i in state.active()] == [*state.items] == ["a", "b", "late", "c"]


def test_an_items_ties_are_the_links_that_name_it_whatever_happens() -> None:
    memory, events = log()
    draw = random.Random(3)
    names = [memory.write(f"{n}", "note").id for n in range(6)]
    for _ in range(200):
        one, other, label = draw.choice(names), draw.choice(names), draw.choice("ab")
        draw.choice([memory.link, memory.link, memory.unlink])(one, other, label)
    for state in (memory.state, memory.state.copy(), MemoryState(events)):
        assert len(state.links) > 5
        for name in names:
            assert state.ties(name) == [k for k in state.links.values() if name in (k.source, k.target)]
    later = memory.state.copy()
    memory.link("note-0", "note-1", "new")
    assert memory.state.ties("note-0")[-1].label == "new" and later.ties("note-0") != memory.state.ties("note-0")


def test_lanes_that_write_the_same_hold_it_once() -> None:
    first, second = log()[0], log()[0]
    one = first.write("Mira moved to Oslo", "turn", id="turn-3", tags=["city"])
    same = second.write("Mira moved to Oslo", "turn", id="turn-3", tags=["city"])
    assert same is one
    other = log()[0].write("Mira moved to Lima", "turn", id="turn-3", tags=["city"])
    assert other.text == "Mira moved to Lima" and one.text == "Mira moved to Oslo"
    second.update("turn-3", tags=["home"])
    assert first.state["turn-3"].fields == {"tags": ["city"]} and second.state["turn-3"].fields == {"tags": ["home"]}

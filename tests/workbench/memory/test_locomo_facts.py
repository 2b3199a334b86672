"""The detectors on 1,210 facts that others drew from five LoCoMo conversations, nearly all of them true, and on those
with one thing made wrong. ``python -m tests.workbench.memory.test_locomo_facts LOCOMO`` prints the figures."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from workbench.memory.claims import Sources
from workbench.memory.dates import tokens
from workbench.memory.detectors import UNSUPPORTED, WRONG_SUBJECT, detect
from workbench.memory.items import MemoryState
from workbench.memory.log import MemoryLog
from workbench.sessions import formats
from workbench.sessions.model import Session
from workbench.trace.events import Event, Kind

NOBODY = ("Boston", "Gustavo", "Helsinki", "Nairobi", "Ingrid", "Kyoto", "Beethoven", "Quito", "Oleander", "Samarkand")


@cache
def sessions(file: Path) -> list[tuple[Session, list[tuple[str, tuple[int, ...]]]]]:
    """Every conversation with its facts and the turns that each comes from."""
    out = []
    for raw, session in zip(json.loads(file.read_text("utf-8")), formats.read(file), strict=True):
        at = {turn.source: turn.index for turn in session.turns}
        rows = [row for by in raw["observation"].values() for said in by.values() for row in said]
        named = [(text, [ids] if isinstance(ids, str) else ids) for text, ids in rows]
        drawn = [
            (t, tuple(sorted(at[i.strip()] for e in ids for i in e.split(",") if i.strip() in at))) for t, ids in named
        ]
        out.append((session, [(text, turns) for text, turns in drawn if turns]))
    return out


def found(file: Path) -> tuple[int, list[str]]:
    """How many facts there are, and the kinds of what is found in them, small talk and relative days left out."""
    kinds, facts = [], 0
    for session, drawn in sessions(file):
        events: list[Event] = []
        state = MemoryState()
        for turn in session.turns:

            def emit(kind: str, subject: str, payload: dict[str, object], cause: int = 0, ms: float = 0.0) -> Event:
                events.append(Event(1, 1, turn.index, 0, kind, subject, cause, payload, ms))  # noqa: B023
                return events[-1]  # noqa: B023

            log = MemoryLog(emit, state, turn.index, turn.date)
            for text, turns in drawn:
                if turns[-1] == turn.index:
                    log.write(text, "fact", turns, cause=1)
                    facts += 1
            emit(Kind.TURN_CLOSED, "", {})
        kinds += [f.kind for f in detect(events, session.turns) if f.kind not in ("nothing stored", "relative day")]
    return facts, kinds


def spoiled(file: Path, seed: int = 3) -> Iterator[tuple[str, bool]]:
    """For facts with a name that nobody said, another number, the other participant: which, and whether it is found."""
    chance = random.Random(seed)
    for session, drawn in sessions(file):
        sources, people = Sources(session.turns), sorted({turn.speaker for turn in session.turns})
        for text, turns in drawn:
            said = tokens(text)
            names = [t for t in said if t.inside and t.word in sources.names - sources.participants]
            numbers = [t for t in said if t.number or (sources.number(t.word) or 0) > 1]
            for kind, places, instead in (("name", names, NOBODY), ("number", numbers, ("23", "41", "57"))):
                if places:
                    at = chance.choice(places)
                    wrong = text[: at.start] + chance.choice(instead) + text[at.start + len(at.text) :]
                    yield kind, bool(sources.missing(wrong, turns))
            (me, *_) = (session.turns[n].speaker for n in turns)
            if me in text and sum(person in text for person in people) == 1:
                (other,) = (person for person in people if person != me)
                yield "subject", bool(sources.wrong_subject(text.replace(me, other), turns))


def test_what_is_true_is_seldom_found(shared_data: Path) -> None:
    facts, kinds = found(shared_data / "locomo" / "locomo5.json")
    assert facts == 1210
    assert len(kinds) <= 16 and set(kinds) <= {UNSUPPORTED, WRONG_SUBJECT}


def test_what_is_made_wrong_is_found(shared_data: Path) -> None:
    rows = list(spoiled(shared_data / "locomo" / "locomo5.json"))
    for kind, least, n in (("name", 0.95, 100), ("number", 0.9, 25), ("subject", 0.6, 500)):
        own = [right for name, right in rows if name == kind]
        assert len(own) >= n and sum(own) >= least * len(own), (kind, sum(own), len(own))


if __name__ == "__main__":
    print(*found(Path(sys.argv[1])))
    every = list(spoiled(Path(sys.argv[1])))
    for name in ("name", "number", "subject"):
        print(name, sum(right for kind, right in every if kind == name), sum(kind == name for kind, _ in every))

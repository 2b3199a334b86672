"""What the detectors find on a set labelled by hand (``labelled_findings.json``): how much of it is right, how much of
what is wrong they find. ``python -m tests.workbench.memory.test_labelled_findings`` prints both, and every error."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from workbench.memory.detectors import KINDS, detect
from workbench.memory.items import MemoryState
from workbench.memory.log import MemoryLog
from workbench.projections.findings_list import DESTRUCTIVE
from workbench.sessions.model import Turn
from workbench.trace.events import Event, Kind

SCENES = json.loads(Path(__file__).with_name("labelled_findings.json").read_text("utf-8"))["scenes"]


@dataclass(frozen=True)
class Judged:
    """A step, what is wrong with it and what was found to be."""

    scene: str
    language: str
    step: Mapping[str, Any]
    wrong: frozenset[str]
    found: Mapping[str, str]


def turns_of(scene: Mapping[str, Any]) -> list[Turn]:
    """The scene's conversation."""
    said = [(part, date, speaker, text, *role) for part, date, speaker, text, *role in scene["turns"]]
    return [
        Turn(n, role[0] if role else "user", text, speaker, date, part)
        for n, (part, date, speaker, text, *role) in enumerate(said)
    ]


def judged(scene: Mapping[str, Any]) -> Iterator[Judged]:
    """Every step of a scene with what the detectors find of it; a finding that belongs to no step is an error."""
    events: list[Event] = []
    steps: dict[int, Mapping[str, Any]] = {}
    state, turns, ids = MemoryState(), turns_of(scene), dict[str, str]()
    for turn in turns:

        def emit(kind: str, subject: str, payload: dict[str, Any], cause: int = 0, ms: float = 0.0) -> Event:
            seq = len(events) + 1
            events.append(Event(1, 1, turn.index, seq, kind, subject, cause, payload, ms, seq))  # noqa: B023
            return events[-1]

        log = MemoryLog(emit, state, turn.index, turn.date)
        own = [step for step in scene["steps"] if step["turn"] == turn.index]
        for step in own:
            if _do(step, log, ids):
                steps[len(events)] = step
        emit(Kind.TURN_CLOSED, "", {})
        steps.update({len(events): step for step in own if step.keys() == {"turn", "wrong", "why"}})
    found: dict[int, dict[str, str]] = {}
    for finding in detect(events, turns):
        assert finding.seq in steps, f"{scene['name']}: {finding} belongs to no step"
        found.setdefault(finding.seq, {})[finding.kind] = finding.text
    for seq, step in steps.items():
        yield Judged(scene["name"], scene["language"], step, frozenset(step["wrong"]), found.get(seq, {}))


def _do(step: Mapping[str, Any], log: MemoryLog, ids: dict[str, str]) -> bool:
    """Do what a step says; whether it does anything. ``ids``: items by the names that steps give them."""
    match step:
        case {"write": text}:
            more = {"index_text": step["index"]} if "index" in step else {}
            turns = step.get("from", [step["turn"]])
            item = log.write(text, step.get("kind", "fact"), turns=turns, cause=1, **more, **step.get("fields", {})).id
            ids[step.get("id", item)] = item
        case {"delete": item}:
            log.delete(ids[item])
        case {"update": item, "changes": changes}:
            log.update(ids[item], **changes)
        case {"link": [source, target]}:
            log.link(ids[source], ids.get(target, target))
        case {"drop": reason, "detail": detail}:
            log.dropped(reason, detail)
        case {"error": error}:
            purpose, _, error = error.partition(": ")
            log._emit(Kind.MODEL_CALLED, "", {"purpose": purpose, "error": error}, 0, 0.0)
        case {"recall": items}:
            log._emit(Kind.RECALLED, "p", {"hits": [{"item": ids[item], "returned": True} for item in items]}, 0, 0.0)
        case _:
            return False
    return True


@dataclass
class Score:
    """How often a kind was found rightly, wrongly, and missed."""

    right: int = 0
    false: int = 0
    missed: int = 0

    @property
    def precision(self) -> float:
        """Share of the findings that are right."""
        return self.right / (self.right + self.false) if self.right + self.false else 1.0

    @property
    def recall(self) -> float:
        """Share of what is wrong that is found."""
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0


def scores(rows: list[Judged]) -> dict[str, Score]:
    """By kind."""
    out = {kind: Score() for kind in KINDS}
    for row in rows:
        for kind in KINDS:
            found, wrong = kind in row.found, kind in row.wrong
            out[kind].right += found and wrong
            out[kind].false += found and not wrong
            out[kind].missed += wrong and not found
    return out


def table(rows: list[Judged]) -> str:
    """The figures as docs/findings.md shows them."""
    lines = ["| kind | wrong | found | precision | recall |", "|---|---|---|---|---|"]
    for kind, s in scores(rows).items():
        lines.append(f"| {kind} | {s.right + s.missed} | {s.right + s.false} | {s.precision:.2f} | {s.recall:.2f} |")
    return "\n".join(lines)


@pytest.fixture(scope="module")
def rows() -> list[Judged]:
    return [row for scene in SCENES for row in judged(scene)]


def test_the_set_is_what_it_should_be(rows: list[Judged]) -> None:
    labelled = Counter(kind for row in rows for kind in row.wrong)
    assert set(labelled) == set(KINDS), "every kind is in it"
    assert len(rows) >= 150 and sum(not row.wrong for row in rows) > 100
    languages = Counter(row.language for row in rows)
    assert len(languages) >= 4 and languages["en"] < 0.6 * len(rows)
    assert all(row.step["why"] for row in rows)


@pytest.mark.parametrize(("kind", "precision"), [("unsupported", 0.6), ("two values", 0.8)])
def test_enough_of_what_is_found_is_wrong(rows: list[Judged], kind: str, precision: float) -> None:
    score = scores(rows)[kind]
    assert score.right + score.false >= 10 and score.precision >= precision, score


def test_the_page_shows_these_figures(rows: list[Judged]) -> None:
    page = (Path(__file__).parents[3] / "docs" / "findings.md").read_text("utf-8")
    assert table(rows) in page
    assert all(f"**{kind}**" in page for kind in (*KINDS, DESTRUCTIVE))


if __name__ == "__main__":
    every = [row for scene in SCENES for row in judged(scene)]
    print(f"{len(every)} labelled steps", table(every), sep="\n")
    for row in every:
        for kind in sorted(row.wrong ^ row.found.keys()):
            text = row.found.get(kind, row.step.get("write", ""))
            print(f"{'missed' if kind in row.wrong else 'false'} {kind} [{row.scene}]: {text} ({row.step['why']})")

"""Grading answers that another system gave to a session's probes, with the same scorers as a run's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import MnemoscopeError
from workbench.probes import score_answer
from workbench.probes.competencies import ABSTENTION
from workbench.probes.errata import Errata
from workbench.probes.papers import place
from workbench.probes.text import words
from workbench.projections.published import ACCURACY, Scored, Standing, standing
from workbench.sessions.model import Probe, Session

SHOWN = 5
"""Odd ids that a remark names."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: to which probe (by id or question), of which session ("" for any), and what was said."""

    id: str
    session: str
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Graded:
    """One probe with the answer that was given to it, and what the scorers say."""

    session: Session
    probe: Probe
    answer: str
    scored: Scored

    @property
    def scores(self) -> dict[str, float]:
        """Our reading (``accuracy``, or ``abstention`` for what has no answer) and the published figures."""
        return {ABSTENTION if self.probe.abstain else ACCURACY: float(self.scored.correct), **self.scored.scores}


@dataclass(frozen=True, slots=True)
class Grades:
    """All graded probes in the file's order, and remarks: answers to no probe, probes without an answer."""

    graded: tuple[Graded, ...]
    unanswered: tuple[str, ...]
    unknown: tuple[str, ...]
    left_out: int

    def standing(self, name: str = "") -> Standing:
        """The scores together."""
        return standing([g.scored for g in self.graded], self.left_out, name=name)


def read_answers(path: Path) -> list[Answer]:
    """The lines of a JSON Lines file (or a JSON list) of ``{"id", "answer"}``, also ``session`` and ``question``.

    Raises:
        MnemoscopeError: the file cannot be read, or a line is no answer; says which.
    """
    found = []
    for line, row in _rows(path):
        if not isinstance(row, dict):
            raise MnemoscopeError(
                f"{path}: line {line} is no object", 'one line an answer: {"id": "q1", "answer": "…"}'
            )
        name = row.get("id", row.get("question"))
        said = row.get("answer", row.get("prediction"))
        if not isinstance(name, str | int) or not isinstance(said, str | int | float | type(None)) or said is True:
            what = "id" if not isinstance(name, str | int) else "answer"
            raise MnemoscopeError(
                f"{path}: line {line}: {what} is missing or no text", 'write {"id": "q1", "answer": "…"}'
            )
        found.append(Answer(str(name), str(row.get("session") or ""), "" if said is None else str(said), line))
    return found


def _rows(path: Path) -> Iterator[tuple[int, Any]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error  # the path is said already
        raise MnemoscopeError(f"{path}: cannot be read ({why})", "choose a JSON Lines file in UTF-8") from error
    if text.lstrip().startswith("["):
        try:
            yield from enumerate(json.loads(text), 1)
            return
        except ValueError as error:
            raise MnemoscopeError(f"{path}: is no JSON ({error})", "mend the file") from error
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except ValueError as error:
                raise MnemoscopeError(f"{path}: line {number} is no JSON ({error})", "mend the line") from error


def grade(sessions: Sequence[Session], answers: Sequence[Answer], errata: Errata | None = None) -> Grades:
    """Score answers. Of several answers to one probe the last counts; probes without one are not counted.

    Raises:
        MnemoscopeError: an id is that of probes in several sessions, or no answer belongs to any probe.
    """
    known = _Known(sessions)
    said: dict[tuple[int, str], str] = {}
    unknown = []
    for answer in answers:
        found = known.find(answer)
        if found is None:
            unknown.append(answer.id)
        else:
            said[found] = answer.text
    if answers and not said:
        names = ", ".join(p.id for p in sessions[0].probes[:3]) if sessions else ""
        what = f"no answer belongs to a probe: the first is to {answers[0].id!r}, the probes are called {names} …"
        raise MnemoscopeError(what, "take the ids of `mnemoscope convert`, or name the questions")
    graded, unanswered, left_out = [], [], 0
    for number, session in enumerate(sessions):
        for probe in session.probes:
            mended = errata.apply(probe, session.name) if errata else probe
            if mended is None:
                left_out += 1
            elif (number, probe.id) in said:
                graded.append(_graded(number, session, mended, said[number, probe.id]))
            else:
                unanswered.append(known.label(number, probe.id))
    return Grades(tuple(graded), tuple(unanswered), tuple(unknown), left_out)


def _graded(number: int, session: Session, probe: Probe, answer: str) -> Graded:
    data = score_answer(probe, answer, session.extra)
    scored = Scored(number, probe, place(probe, session.extra), bool(data["correct"]), data["scores"])
    return Graded(session, probe, answer, scored)


class _Known:
    """Probes by the names that an answer may use: id, ``session/id``, or the question."""

    def __init__(self, sessions: Sequence[Session]) -> None:
        self._sessions = sessions
        self._by_name: dict[str, list[tuple[int, str]]] = {}
        self._by_question: dict[tuple[str, ...], list[tuple[int, str]]] = {}
        for number, session in enumerate(sessions):
            for probe in session.probes:
                place = (number, probe.id)
                for name in (probe.id, f"{session.name}/{probe.id}"):
                    self._by_name.setdefault(name, []).append(place)
                self._by_question.setdefault(words(probe.question), []).append(place)

    def label(self, number: int, name: str) -> str:
        """The id, with its session where there are several."""
        return f"{self._sessions[number].name}/{name}" if len(self._sessions) > 1 else name

    def find(self, answer: Answer) -> tuple[int, str] | None:
        """Session and probe of an answer."""
        places = self._by_name.get(answer.id) or self._by_question.get(words(answer.id), [])
        if answer.session:
            places = [p for p in places if self._sessions[p[0]].name == answer.session]
        if len(places) > 1:
            names = ", ".join(self._sessions[number].name for number, _ in places[:SHOWN])
            what = f"line {answer.line}: {answer.id!r} is a probe of several sessions ({names})"
            raise MnemoscopeError(what, 'add "session" to the line, or write the id as session/id')
        return places[0] if places else None


def labelled(graded: Graded, several: bool) -> Mapping[str, Any]:
    """A probe in ``grade --json``."""
    session = {"session": graded.session.name} if several else {}
    return {"id": graded.probe.id, **session, "scores": {n: round(v, 9) for n, v in graded.scores.items()}}

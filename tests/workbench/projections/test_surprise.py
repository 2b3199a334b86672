"""The track of surprise: found again by what it is of, cut where EM-LLM cut, and never a wrong one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.structures import run_of
from tests.support.traces import session, write_trace
from workbench.projections import surprise
from workbench.sessions.model import Turn
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader
from workbench.trace.side import SideArrays

VALUES = np.array([np.nan, 2, 0.5], np.float32), np.array([np.nan, 1, 1], np.float32)


def test_the_track_of_a_turn_is_found_by_what_it_is_of(tmp_path: Path) -> None:
    path = write_trace(tmp_path / "run.mnemo", turns=8, probes=2)
    with TraceReader(path) as reader:
        assert surprise.turn_surprise(reader, 1, 1, 3) is None
        assert surprise.turn_surprise(reader, 1, 1, -1) is None and surprise.turn_surprise(reader, 1, 1, 99) is None
        key = surprise.turn_key(reader, 1, 1, 3)
        surprise.put(SideArrays(path), key, ("a", "b", "ü"), *VALUES)
        view = surprise.turn_surprise(reader, 1, 1, 3)
        assert view is not None and view.texts == ("a", "b", "ü") and view.mean == pytest.approx(1.25)
        assert surprise.turn_surprise(reader, 1, 2, 3) is not None, "lanes of one model share it"
        assert surprise.turn_surprise(reader, 1, 1, 4) is None
        texts, _, _ = surprise.kept(reader, key) or ((), None, None)
        assert texts == view.texts
        SideArrays(path).put(key, np.zeros((2, 7), np.float32))
        assert surprise.turn_surprise(reader, 1, 1, 3) is None, "figures of another text are none"


def test_an_answer_that_nothing_was_kept_of_has_no_track(tmp_path: Path) -> None:
    path = write_trace(tmp_path / "run.mnemo", turns=8, probes=2)
    with TraceReader(path) as reader:
        assert surprise.answer_key(reader, 1, 1, "p0") == ""
        assert surprise.answer_surprise(reader, 1, 1, "p0") is None


def test_what_was_said_before_is_the_end_of_it() -> None:
    turns = session(6, 1).turns
    assert surprise.before(turns, 0) == ""
    assert surprise.before(turns, 2) == f"{turns[0].said}\n{turns[1].said}\n"
    long = [Turn(n, "user", "word " * 2_000) for n in range(9)]
    found = surprise.before(long, 8)
    assert len(found) == surprise._CHARACTERS and found.endswith("word \n")
    assert surprise.before([*long[:7], replace(long[7], text="tea"), long[8]], 8).endswith("user: tea\n")


def test_em_llm_notes_what_the_track_reads(tmp_path: Path) -> None:
    with TraceReader(run_of(tmp_path, ("em-llm",))) as reader:
        noted = [e for e in reader.events(kinds=[Kind.NOTED]) if e.payload["name"] == "surprise"]
        began = [e for e in noted if e.payload["value"]["boundaries"]]
        assert began
        value = began[-1].payload["value"]
        found = surprise.cuts(reader, began[-1].session, began[-1].lane, began[-1].turn, value["tokens"])
        assert [cut.token for cut in found] == value["boundaries"] and found[0].limit == value["threshold"]


def test_events_lie_where_em_llm_cut() -> None:
    """Read in two pieces there, in one here, with other tokens where they meet."""
    notes = [
        {
            "tokens": ["user", ":", " I", " moved", " to"],
            "values": [1, 2, 9, 1, 1],
            "threshold": 4.0,
            "boundaries": [2],
        },
        {"tokens": ["Lima", ".", " Tea", "?"], "values": [8, 1, 7, 1], "threshold": 5.0, "boundaries": [0, 2]},
    ]
    texts = ("us", "er:", " I", " moved", " to", " Li", "ma", ". ", "Tea?")
    assert surprise.at_tokens(notes, texts) == (
        surprise.Cut(2, 9.0, 4.0),
        surprise.Cut(5, 8.0, 5.0),
        surprise.Cut(8, 7.0, 5.0),
    )

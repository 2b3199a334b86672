"""MemoryAgentBench files: facts as turns, the evidence of single-hop questions, the figures that follow."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rank_bm25 import BM25Okapi

from workbench.errors import SessionFormatError
from workbench.sessions import Session, formats
from workbench.sessions.formats.memoryagentbench import PIECE, RULE


@pytest.fixture(scope="module")
def sessions(shared_data: Path) -> dict[str, Session]:
    folder = shared_data / "memoryagentbench_conflict_resolution"
    return {s.name: s for s in formats.read(folder / "Conflict_Resolution_6k_32k.json")}


def test_every_fact_is_a_turn(sessions: dict[str, Session]) -> None:
    sizes = {name: (len(s.turns), len(s.probes)) for name, s in sessions.items()}
    assert sizes == {
        "factconsolidation_mh_6k": (456, 100),
        "factconsolidation_mh_32k": (2311, 100),
        "factconsolidation_sh_6k": (456, 100),
        "factconsolidation_sh_32k": (2311, 100),
    }
    first = sessions["factconsolidation_sh_6k"].turns
    assert (first[0].text, first[1].text) == (RULE, "0. Thomas Kyd was born in the city of London.")


def test_single_hop_questions_know_their_fact_and_its_older_value(sessions: dict[str, Session]) -> None:
    session = sessions["factconsolidation_sh_6k"]
    assert all(len(p.evidence) == 1 for p in session.probes)
    assert sum(p.extra["conflicted"] for p in session.probes) == 74, "reference: 74 of 100 have a conflict"
    for probe in session.probes:
        assert session.turns[probe.evidence[0]].text.lower().rstrip(".").endswith(probe.gold[0].lower().rstrip("."))
        assert all(turn < probe.evidence[0] for turn in probe.extra["stale"])
    assert not any(p.evidence for p in sessions["factconsolidation_mh_6k"].probes)


@pytest.mark.parametrize(("length", "top1"), [("6k", 45), ("32k", 54)])
def test_the_fact_is_among_the_first_but_often_not_the_first(
    sessions: dict[str, Session], length: str, top1: int
) -> None:
    session = sessions[f"factconsolidation_sh_{length}"]
    index = BM25Okapi([re.findall("[a-z0-9]+", t.text.lower()) for t in session.turns[1:]])
    ranks = []
    for probe in session.probes:
        order = np.argsort(-index.get_scores(re.findall("[a-z0-9]+", probe.question.lower())), kind="stable")
        ranks.append(1 + list(order).index(probe.evidence[0] - 1))
    assert sum(r <= 3 for r in ranks) >= 99, "reference: 100"
    assert abs(sum(r == 1 for r in ranks) - top1) <= 2


def read(folder: Path, data: Any) -> list[Session]:
    path = folder / "split.json"
    path.write_text(json.dumps(data))
    return formats.read(path)


def row(**values: Any) -> dict[str, Any]:
    text = " ".join(f"Sentence number {n} is about nothing much." for n in range(200))
    return {"context": text, "questions": ["Which?"], "answers": [["43", "forty-three"]]} | values


def test_running_text_is_cut_at_sentence_ends(tmp_path: Path) -> None:
    (session,) = read(tmp_path, row(metadata={"source": "icl_banking77_5900shot_balance", "qa_pair_ids": ["a"]}))
    assert 1 < len(session.turns) < 10
    assert all(len(t.text) < PIECE and t.text.endswith(".") for t in session.turns)
    assert " ".join(t.text for t in session.turns) == row()["context"]
    (probe,) = session.probes
    assert (probe.id, probe.gold, probe.scorer) == ("a", ("43", "forty-three"), "label")
    assert probe.competency == "test_time_learning"


def test_an_unknown_source_and_a_missing_answer_are_warnings(tmp_path: Path) -> None:
    (session,) = read(tmp_path, [row(questions=["A?", "B?", "C?"], answers=["x", []], metadata=None)])
    assert [(p.id, p.gold, p.scorer) for p in session.probes] == [("q1", ("x",), "match")]
    assert session.warnings == (
        "[0].metadata.source: 'split 1' is unknown; counted as accurate retrieval, matched",
        "[0].answers[1]: no answer; the question is left out",
        "[0].answers[2]: no answer; the question is left out",
    )


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"context": 3}, r"\[0\]\.context: must be a string, is a number"),
    ({"context": " "}, r"\[0\]: no turns"),
    ({"questions": "x"}, r"\[0\]\.questions: must be an array, is a string"),
    ({"questions": [3]}, r"\[0\]\.questions\[0\]: must be a string, is a number"),
]


@pytest.mark.parametrize(("values", "message"), MISTAKES)
def test_a_mistake_names_its_place(tmp_path: Path, values: dict[str, Any], message: str) -> None:
    with pytest.raises(SessionFormatError, match=rf"split\.json: {message}"):
        read(tmp_path, row(**values))

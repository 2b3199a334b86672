"""Retrieval by words in scripts other than English's: the evidence comes first, or nearly."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.memory.strategies.bm25 import BM25
from workbench.sessions import formats
from workbench.sessions.model import Session
from workbench.testing.minds import Lane

HERE = Path(__file__).parent


def ranks(session: Session, strategy: BM25) -> list[int]:
    """The best rank of each question's evidence, 0 where it is not returned."""
    lane = Lane(strategy).observe(*session.turns)
    found = []
    for probe in session.probes:
        hits = [h for h in lane.ask(probe.question).hits if h.returned]
        found.append(next((h.rank for h in hits if set(lane.state[h.item].turns) & set(probe.evidence)), 0))
    return found


@pytest.mark.parametrize("language", ["russian", "hebrew"])
def test_words_find_the_evidence_of_a_session_of_our_own(language: str) -> None:
    (session,) = formats.read(HERE / f"{language}.json")
    assert len(session.turns) == 22 and len(session.probes) == 9
    found = ranks(session, BM25(k=3))
    assert all(found), found
    assert sum(rank == 1 for rank in found) >= 7, found


def test_g1_chinese_evidence_comes_first(shared_data: Path) -> None:
    (session,) = formats.read(shared_data.parent / "cases" / "G1_bm25_chinese.json")
    assert ranks(session, BM25(k=1)) == [1, 1, 1]


def test_g3_a_long_chinese_context_is_told_apart(shared_data: Path) -> None:
    (session,) = formats.read(shared_data.parent / "cases" / "G3_mab_chinese_context.json")
    lane = Lane(BM25(k=2)).observe(*session.turns)
    for probe in session.probes:
        hits = lane.ask(probe.question).hits
        assert hits and all(h.score > 0 for h in hits if h.returned), "words of the question were found"
        assert any(gold in lane.state[hits[0].item].text for gold in probe.gold)
    told = session.turns[1].text
    day = told[told.index("第") : told.index("，")]
    assert lane.state[lane.ask(f"{day}船长写了什么？").hits[0].item].turns == (1,)

"""The sample in natural English: golds follow from their evidence, what is stale is older, nothing is a template."""

import re
from collections import Counter
from datetime import datetime
from functools import cache
from itertools import pairwise

import pytest

from workbench import paths
from workbench.probes import score_probe
from workbench.probes.text import words
from workbench.sessions import COMPETENCIES, Probe, Session, formats

CALL = re.compile(r"^([\w.]+)\(\{.*\}\)$")


@cache
def sample() -> Session:
    (session,) = formats.read(paths.sample_sessions() / "repair-cafe.json")
    return session


def probes() -> list[Probe]:
    return list(sample().probes)


def holds(text: str, value: str) -> bool:
    """Whether a text says a value, as whole words."""
    said, wanted = words(text), words(value)
    return any(said[at : at + len(wanted)] == wanted for at in range(len(said) - len(wanted) + 1))


def by_id(probe: Probe) -> str:
    return probe.id


def test_it_is_as_long_and_as_mixed_as_real_ones() -> None:
    session = sample()
    assert session.warnings == ()
    assert len(session.turns) >= 160 and len(session.probes) >= 40
    people = Counter(t.speaker for t in session.turns if t.role == "user")
    assert sorted(people) == ["Diego", "Maren"] and min(people.values()) > 30
    assert sum(t.role == "tool" for t in session.turns) >= 12
    first, last = (datetime.fromisoformat(session.turns[n].date) for n in (0, -1))
    assert 35 <= (last - first).days <= 45
    asked = Counter(p.competency for p in session.probes)
    assert all(asked[c] >= 5 for c in (*COMPETENCIES, "abstention"))
    assert sum(p.extra.get("kind") == "temporal" for p in session.probes) >= 5
    said = " ".join(t.text for t in session.turns)
    assert all(word in said for word in ("Krümel für mich", "la luna está despierta"))  # lines in German and Spanish


def test_every_turn_has_its_time_in_order_and_the_right_weekday() -> None:
    times = [datetime.fromisoformat(t.date) for t in sample().turns]
    assert all(a <= b for a, b in pairwise(times))
    assert all(when.strftime("%A") == turn.weekday for when, turn in zip(times, sample().turns, strict=True))
    assert all("T" in t.date for t in sample().turns)


def test_every_call_has_its_result() -> None:
    turns = sample().turns
    for turn in turns:
        call = CALL.match(turn.text.splitlines()[-1])
        following = turns[turn.index + 1] if turn.index + 1 < len(turns) else None
        if call:
            assert turn.role == "assistant"
            assert following is not None and (following.role, following.speaker) == ("tool", call[1])
        elif following is not None:
            assert following.role != "tool"


def test_no_turn_is_made_from_a_template() -> None:
    spoken = [re.sub(CALL, "", t.text.splitlines()[-1]) or t.text for t in sample().turns if t.role != "tool"]
    assert max(Counter(spoken).values()) == 1
    runs: Counter[tuple[str, ...]] = Counter()
    for turn in sample().turns:
        if turn.role != "tool":
            said = words("\n".join(line for line in turn.text.splitlines() if not CALL.match(line)))
            runs.update({tuple(said[at : at + 6]) for at in range(len(said) - 5)})
    assert [run for run, count in runs.items() if count > 2] == []


@pytest.mark.parametrize("probe", probes(), ids=by_id)
def test_the_gold_follows_from_the_evidence(probe: Probe) -> None:
    turns = sample().turns
    if probe.abstain:
        said = " ".join(t.text for t in turns).lower()
        assert probe.evidence == () and probe.gold == ()
        assert not [word for word in probe.extra["absent"] if word.lower() in said]
        return
    assert probe.evidence and max(probe.evidence) <= probe.after
    evidence = " \n ".join(turns[n].text for n in probe.evidence)
    if probe.scorer == "f1":
        assert set(words(probe.gold[0])) <= set(words(evidence))
    elif not probe.extra.get("derived"):
        assert any(holds(evidence, gold) for gold in probe.gold), (probe.question, evidence)


@pytest.mark.parametrize("probe", [p for p in probes() if "stale" in p.extra], ids=by_id)
def test_what_is_stale_was_said_before_and_is_wrong_now(probe: Probe) -> None:
    turns = sample().turns
    newest = max(probe.evidence)
    for stale in probe.extra["stale"]:
        told = [t.index for t in turns[:newest] if holds(t.text, stale) or stale in t.text]
        assert told, stale
        assert not score_probe(probe, stale, [])["correct"]
        if not probe.extra.get("derived") and probe.scorer != "f1":
            now = [n for n in probe.evidence if any(holds(turns[n].text, gold) for gold in probe.gold)]
            assert now and max(now) > min(told)


@pytest.mark.parametrize("probe", probes(), ids=by_id)
def test_the_scorer_takes_the_gold_and_not_a_shrug(probe: Probe) -> None:
    assert all(score_probe(probe, gold, [])["correct"] for gold in probe.gold)
    assert score_probe(probe, "unknown", [])["correct"] == probe.abstain
    assert not score_probe(probe, "a blue tractor", [])["correct"]


def test_every_question_is_asked_where_its_answer_can_be_known_and_no_two_are_the_same_there() -> None:
    asked = [(p.after, p.question) for p in probes()]
    assert len(set(asked)) == len(asked)
    assert len({p.after for p in probes()}) > 15

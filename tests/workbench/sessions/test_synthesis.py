"""Generated sessions: the same for the same seed, answerable from what was told, split into known and unseen words."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.sessions.model import COMPETENCIES, Probe, Session
from workbench.sessions.synthesis import SynthesisError, generate, kinds, language, list_kinds, vocabulary

NAMES = [kind.name for kind in kinds()]
SEEDS = range(6)


@pytest.mark.parametrize("kind", NAMES)
def test_a_seed_makes_one_session(kind: str) -> None:
    assert generate(kind, 7) == generate(kind, 7)
    assert generate(kind, 7).turns != generate(kind, 8).turns


@pytest.mark.parametrize("kind", NAMES)
def test_sessions_survive_their_json(kind: str) -> None:
    session = generate(kind, 3)
    assert Session.from_json(json.loads(json.dumps(session.to_json()))) == session


@pytest.mark.parametrize(("kind", "seed"), list(itertools.product(NAMES, SEEDS)))
def test_probes_are_well_formed(kind: str, seed: int) -> None:
    session = generate(kind, seed)
    assert [turn.index for turn in session.turns] == list(range(len(session.turns)))
    assert len({probe.id for probe in session.probes}) == len(session.probes)
    for probe in session.probes:
        assert 0 <= probe.after < len(session.turns)
        assert probe.abstain == (not probe.gold)
        assert probe.competency in COMPETENCIES
        assert all(turn <= probe.after for turn in probe.evidence), "evidence must have been said before the question"
        assert bool(probe.evidence) != probe.abstain


def spoken(session: Session, probe: Probe) -> list[str]:
    return [turn.said for turn in session.turns[: probe.after + 1]]


@pytest.mark.parametrize(("kind", "seed"), list(itertools.product(["accurate-retrieval", "test-time-learning"], SEEDS)))
def test_the_evidence_says_the_answer(kind: str, seed: int) -> None:
    session = generate(kind, seed)
    for probe in session.probes:
        for turn in probe.evidence:
            assert any(gold in session.turns[turn].said for gold in probe.gold), probe


@pytest.mark.parametrize("seed", SEEDS)
def test_the_newest_value_is_right(seed: int) -> None:
    session = generate("conflict-resolution", seed, abstain=0.0)
    older = 0
    for probe in session.probes:
        speaker = session.turns[probe.evidence[0]].speaker
        later = [
            turn.text for turn in session.turns[probe.evidence[0] + 1 : probe.after + 1] if turn.speaker == speaker
        ]
        attribute = attribute_told(session.turns[probe.evidence[0]].text)
        assert attribute not in [attribute_told(text) for text in later], f"{probe} was changed again later"
        before = [turn for turn in session.turns[: probe.evidence[0]] if turn.speaker == speaker]
        older += sum(attribute_told(turn.text) == attribute for turn in before)
    assert older >= len(session.probes), "every answer must have an older version that competes"


def attribute_told(text: str) -> str:
    """Name of the attribute that a turn tells, found again from the phrasings; empty for small talk."""
    for attribute in language.ATTRIBUTES:
        for phrase in (*attribute.told.train, *attribute.changed.train):
            pattern = re.escape(phrase).replace(r"\{v\}", "(.+)")
            match = re.fullmatch(pattern, text)
            if match and match[1] in attribute.values("train"):
                return attribute.name
    return ""


@pytest.mark.parametrize("seed", SEEDS)
def test_an_abstention_probe_asks_what_was_never_told(seed: int) -> None:
    session = generate("accurate-retrieval", seed, abstain=1.0)
    assert session.probes and all(probe.abstain for probe in session.probes)
    for probe in session.probes:
        asked = {a.name for a in language.ATTRIBUTES if any(noun in probe.question for noun in words_of(a))}
        people = {turn.speaker for turn in session.turns if turn.speaker and turn.speaker in probe.question}
        told = {(t.speaker, attribute_told(t.text)) for t in session.turns[: probe.after + 1]}
        for person in people:
            assert any((person, name) not in told for name in asked), probe


def words_of(attribute: language.Attribute) -> list[str]:
    questions = [phrase.replace("{p}", "").replace("{n}", attribute.noun) for phrase in attribute.asked.train]
    return [*re.findall(r"[a-z]{4,}", " ".join(questions)), attribute.noun]


@pytest.mark.parametrize("seed", SEEDS)
def test_counts_count_the_changes(seed: int) -> None:
    session = generate("long-range-understanding", seed, abstain=0.0)
    for probe in session.probes:
        if "How many times" in probe.question or "How often" in probe.question:
            assert probe.gold == (language.NUMBERS[len(probe.evidence) - 1], str(len(probe.evidence) - 1))


def test_labels_are_asked_with_an_example_that_was_not_shown() -> None:
    session = generate("test-time-learning", 5, abstain=0.0, labels=12, examples=4)
    assert {len(probe.evidence) for probe in session.probes} <= {1, 2, 3, 4}
    for probe in session.probes:
        shown = " ".join(session.turns[turn].text for turn in probe.evidence)
        adjective = next(a for a in vocabulary.ADJECTIVES.train if f" {a} " in probe.question)
        assert f" {adjective} " not in shown


def test_old_and_fresh_facts_are_asked_along_the_way() -> None:
    session = generate("mixed", 1)
    places = [probe.after for probe in session.probes]
    distances = [probe.after - probe.evidence[-1] for probe in session.probes if probe.evidence]
    assert len(session.probes) >= 24 and len(set(places)) > 5
    assert max(distances) > 60 and min(distances) < 20
    assert {probe.competency for probe in session.probes} == set(COMPETENCIES)


def test_training_and_held_out_words_share_nothing() -> None:
    pools = [vocabulary.NAMES, vocabulary.ADJECTIVES, vocabulary.LABEL_KINDS, *vocabulary.VALUES.values()]
    for pool in pools:
        assert not set(pool.train) & set(pool.heldout)
    assert not set(vocabulary.made_up_pool("train")) & set(vocabulary.made_up_pool("heldout"))
    for attribute in language.ATTRIBUTES:
        for phrases in (attribute.told, attribute.changed, attribute.asked):
            assert phrases.train and phrases.heldout and not set(phrases.train) & set(phrases.heldout)


def test_held_out_sessions_use_held_out_words() -> None:
    session = generate("accurate-retrieval", 2, split="heldout")
    speakers = {turn.speaker for turn in session.turns if turn.role == "user"}
    assert speakers <= set(vocabulary.NAMES.heldout)


def test_options_change_the_session() -> None:
    assert len(generate("accurate-retrieval", 1, turns="20").turns) in (20, 21)
    assert len(generate("mixed", 1, size=0.5).turns) in (100, 101)
    assert len({t.speaker for t in generate("accurate-retrieval", 1, people=9, turns=200).turns} - {""}) == 9


def test_dates_only_go_forward() -> None:
    dates = [turn.date for turn in generate("mixed", 4).turns]
    assert dates == sorted(dates) and len(set(dates)) > 5


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("poetry", {}, "accurate-retrieval"),
        ("mixed", {"colour": 3}, "versions"),
        ("mixed", {"turns": "many"}, "whole number"),
        ("mixed", {"people": 0}, "between 1 and 40"),
        ("mixed", {"split": "both"}, "train or heldout"),
    ],
)
def test_wrong_usage_says_what_is_possible(kind: str, options: dict[str, object], said: str) -> None:
    with pytest.raises(SynthesisError, match=said) as caught:
        generate(kind, 1, **options)
    assert "\n" not in str(caught.value)


def test_every_kind_explains_itself() -> None:
    for name, line, options in list_kinds():
        assert name in NAMES and line.endswith(".") and "\n" not in line and "turns" in options


def test_sample_sessions_are_what_their_seeds_make(root: Path) -> None:
    script = root / "packaging" / "make_samples.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr

"""LoCoMo files: the traps of the real data, and the retrieval figures that the reading must reproduce."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rank_bm25 import BM25Okapi

from workbench.errors import SessionFormatError
from workbench.sessions import Session, Turn, formats
from workbench.sessions.formats.locomo import NOT_MENTIONED


@pytest.fixture(scope="module")
def sessions(shared_data: Path) -> list[Session]:
    return formats.read(shared_data / "locomo" / "locomo5.json")


def test_five_conversations_are_read_whole(sessions: list[Session]) -> None:
    sizes = [(s.name, len(s.turns), len(s.probes)) for s in sessions]
    assert sizes == [
        ("conv-26", 419, 199),
        ("conv-30", 369, 105),
        ("conv-41", 663, 193),
        ("conv-42", 629, 260),
        ("conv-43", 680, 242),
    ]
    assert [1 + max(t.part for t in s.turns) for s in sessions] == [19, 19, 32, 29, 29]
    assert all(t.date.startswith("202") for s in sessions for t in s.turns)
    assert sessions[0].turns[0].date == "2023-05-08T13:56"


def test_997_questions_have_evidence_that_is_a_real_turn(sessions: list[Session]) -> None:
    assert sum(bool(p.evidence) for s in sessions for p in s.probes) == 997
    assert [s.warnings for s in sessions if s.warnings] == [
        (
            "[3].qa[58].evidence: 'D10:19' names no turn of this conversation",
            "[3].qa[88].evidence: 'D' names no turn of this conversation",
        )
    ]


def said(turn: Turn) -> str:
    """A document of the reference table: ``speaker: text caption``."""
    caption = turn.extra.get("caption", "")
    return turn.said.replace(f"[shares a photo: {caption}]", caption)


TABLE: list[tuple[Callable[[str], list[str]], list[float]]] = [
    (lambda text: text.split(" "), [0.1538, 0.3253, 0.4253]),
    (lambda text: re.findall("[a-z0-9]+", text.lower()), [0.2546, 0.4678, 0.5447]),
]


@pytest.mark.parametrize(("tokens", "expected"), TABLE)
def test_what_was_said_and_the_captions_give_the_published_recall(
    sessions: list[Session], tokens: Callable[[str], list[str]], expected: list[float]
) -> None:
    shares: dict[int, list[float]] = {1: [], 5: [], 10: []}
    for session in sessions:
        index = BM25Okapi([tokens(said(t)) for t in session.turns])
        for probe in (p for p in session.probes if p.evidence):
            best = np.argsort(-index.get_scores(tokens(probe.question)), kind="stable")
            for k, found in shares.items():
                found.append(np.isin(probe.evidence, best[:k]).mean())
    assert [round(float(np.mean(v)), 3) for v in shares.values()] == [round(e, 3) for e in expected]


def test_adversarial_questions_want_an_abstention(sessions: list[Session]) -> None:
    asked = [p for s in sessions for p in s.probes if p.extra["category"] == 5]
    assert len(asked) > 200
    assert all(p.abstain and not p.gold and p.competency == "abstention" for p in asked)
    assert all(p.gold for s in sessions for p in s.probes if not p.abstain)


def sample(**values: Any) -> dict[str, Any]:
    conversation = {
        "speaker_a": "Ana",
        "speaker_b": "Ben",
        "session_2_date_time": "12:04 am on 1 January, 2024",
        "session_2": [{"speaker": "Ben", "dia_id": "D2:1", "text": "Look", "blip_caption": "a dog", "img_url": ["u"]}],
        "session_10_date_time": "noon",
        "session_10": [{"speaker": "Ana", "dia_id": "D10:1", "text": "Hi"}],
        "session_11_date_time": "1:00 pm on 2 January, 2024",
    }
    qa = [{"question": "How many?", "answer": 3, "category": 4, "evidence": ["D2:01; D:10:1", "D"]}]
    return {"sample_id": "conv-x", "conversation": conversation, "qa": qa} | values


def read(folder: Path, data: Any) -> list[Session]:
    path = folder / "locomo.json"
    path.write_text(json.dumps(data))
    return formats.read(path)


def test_the_traps_of_the_data(tmp_path: Path) -> None:
    (session,) = read(tmp_path, sample())
    ben, ana = session.turns
    assert (ben.said, ben.role) == ("Ben: Look [shares a photo: a dog]", "user")
    assert (ben.date, ben.part, ben.extra) == ("2024-01-01T00:04", 1, {"caption": "a dog", "img_url": ["u"]})
    assert (ana.said, ana.role, ana.date, ana.part, ana.source) == ("Ana: Hi", "user", "", 9, "D10:1")
    (probe,) = session.probes
    assert (probe.gold, probe.evidence, probe.after, probe.scorer) == (("3",), (0, 1), 1, "locomo")
    assert probe.extra["evidence"] == ["D2:01; D:10:1", "D"]
    assert session.warnings == (
        "[0].conversation.session_10_date_time: 'noon' is no date; these turns have none",
        "[0].qa[0].evidence: 'D' names no turn of this conversation",
    )


def test_one_sample_alone_and_a_question_without_answer(tmp_path: Path) -> None:
    (session,) = read(tmp_path, sample(qa=[{"question": "Who?", "category": 1}]))
    assert session.probes == ()
    assert session.warnings[-1] == "[0].qa[0]: no answer; the question is left out"


def test_a_bad_question_or_turn_costs_itself(tmp_path: Path) -> None:
    asked = {"question": "Who?", "answer": [["x"], "y", None]}
    qa = [
        asked | {"category": 6},
        asked | {"category": [1]},
        {"answer": "x", "category": 1},
        3,
        asked | {"category": "4", "evidence": "D2:1"},
        {"question": "Nan?", "answer": float("nan"), "category": 4},
        {"question": "Nan?", "answer": float("nan"), "category": 5.0},
    ]
    said = {"session_1": [{"speaker": "Ana", "text": "a"}, 3, {"speaker": ["b"]}], "session_2": "x"}
    (session,) = read(tmp_path, [sample(qa=qa, conversation=said)])
    assert [t.text for t in session.turns] == ["a"]
    assert [(p.id, p.gold, p.extra["category"]) for p in session.probes] == [("q5", ("x", "y"), 4), ("q7", (), 5)]
    assert set(session.warnings) == {
        "[0].conversation.session_1_date_time: None is no date; these turns have none",
        "[0].conversation.session_1[1]: must be an object, is a number; left out",
        "[0].conversation.session_1[2].speaker: must be a string, is an array; left out",
        "[0].conversation.session_2_date_time: None is no date; these turns have none",
        "[0].conversation.session_2: must be an array, is a string; left out",
        "[0].qa[0].category: must be 1 to 5, is 6; left out",
        "[0].qa[1].category: must be 1 to 5, is a list; left out",
        "[0].qa[2].question: missing; left out",
        "[0].qa[3]: must be an object, is a number; left out",
        "[0].qa[4].evidence: 'D2:1' names no turn of this conversation",
        "[0].qa[5]: no answer; the question is left out",
    }


def test_the_first_release_has_its_sittings_beside_the_questions(tmp_path: Path) -> None:
    one = sample()
    (session,) = read(tmp_path, {**one["conversation"], "session_2_summary": "Ben shows a dog.", "qa": one["qa"]})
    assert (session.name, len(session.turns), session.probes[0].evidence) == ("locomo", 2, (0, 1))


def test_the_flat_variant_gets_its_labels_back(tmp_path: Path) -> None:
    def said(day: int, speaker: str, text: str) -> dict[str, str]:
        return {"timestamp": f"1:56 pm on {day} May, 2023", "speaker": speaker, "text": text}

    talk = [said(8, "Ana", "Hi"), said(8, "Ben", "Hello"), said(9, "Ana", "I sold it.")]
    asked = [{"question": "What?", "answer": "it", "category": 4, "evidence": ["D1:2", "D2:1"]}]
    sessions = read(
        tmp_path, {"0": {"conversation": talk, "question": asked}, "1": {"conversation": [], "question": []}}
    )
    assert [(s.name, len(s.turns), s.probes[0].evidence) for s in sessions] == [("0", 3, (1, 2))]
    assert [(t.part, t.date) for t in sessions[0].turns][1:] == [(0, "2023-05-08T13:56"), (1, "2023-05-09T13:56")]
    assert sessions[0].warnings == ("[1]: no turns; left out",)


def test_numbers_that_are_too_long_are_no_sittings(tmp_path: Path) -> None:
    conversation = sample()["conversation"] | {"session_" + "9" * 5000: [{"speaker": "Ana", "text": "x"}]}
    assert len(read(tmp_path, [sample(conversation=conversation)])[0].turns) == 2


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"qa": {"a": 1}}, r"\[0\]\.qa: must be an array, is an object"),
    ({"conversation": {"session_1": [3]}}, r"\[0\]\.conversation\.session_1\[0\]: must be an object, is a number"),
    ({"conversation": {"session_1": "x"}}, r"\[0\]\.conversation\.session_1: must be an array, is a string"),
    ({"conversation": {}}, r"\[0\]: no turns"),
]


@pytest.mark.parametrize(("values", "message"), MISTAKES)
def test_a_mistake_names_its_place(tmp_path: Path, values: dict[str, Any], message: str) -> None:
    with pytest.raises(SessionFormatError, match=rf"locomo\.json: {message}"):
        read(tmp_path, [sample(**values)])


def test_adversarial_questions_have_the_official_two_options(tmp_path: Path) -> None:
    asked = [{"question": f"What is {n}?", "category": 5, "adversarial_answer": f"it is {n}"} for n in range(40)]
    file = tmp_path / "x.json"
    file.write_text(json.dumps([sample(qa=[*asked, {"question": "And?", "category": 5}])]))
    (session,) = formats.read(file)
    *two, none = session.probes
    assert all(sorted(p.options) == sorted((f"it is {n}", NOT_MENTIONED)) for n, p in enumerate(two))
    first = [p.options[0] == NOT_MENTIONED for p in two]
    assert 8 < sum(first) < 32  # in no fixed order, and the same one every time
    assert [p.options for p in formats.read(file)[0].probes] == [p.options for p in session.probes]
    assert none.options == ()
    assert all(p.options == () for p in formats.read(file, adversarial="open")[0].probes)

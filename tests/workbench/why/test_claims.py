"""What is claimed of an answer holds in the trace: cases that a small real model brought up, each made small."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.traces import _Lane
from workbench.reports.why import story
from workbench.sessions.model import Probe, Session, Turn
from workbench.trace.events import Kind
from workbench.trace.reader import TraceReader
from workbench.trace.writer import TraceWriter
from workbench.why.causes import suspect
from workbench.why.counterfactuals import _why_not
from workbench.why.sentences import _against
from workbench.why.verdict import Proof, Try, Verdict

ASKED = "How many euros less than they had asked for did they get?"
GRANT = ("We ask for 3,200 euros.", "Ein Vorhaben mit 2.600 Euro.", "They got 600 euros less than we had asked for.")
MOVED = ("No switch, so the check failed.", "The check needs a switch.", "Please move the opening.")


def told(
    folder: Path,
    said: tuple[str, ...],
    probe: Probe,
    context: tuple[int, ...],
    answer: str = "42",
    error: str = "",
    stored: Mapping[int, str] | None = None,
    rewrites: bool = False,
    over: int = 1,
) -> Verdict:
    """The verdict on a wrong answer of a lane that stores its turns, or has a model read them and stores ``stored``.

    Args:
        rewrites: the lane has one item, which every turn overwrites.
        over: how many turns the last item comes from.
    """
    turns = tuple(Turn(n, "user", text, "Mira") for n, text in enumerate(said))
    folder.mkdir(exist_ok=True)
    with TraceWriter(folder / "claims.mnemo") as writer:
        number = writer.add_session(Session("claims", turns, (probe,)), "claims")
        lane = _Lane(number, writer.add_lane("bm25", "bm25", "full-cache", {}))
        for turn in turns:
            text = turn.said if stored is None else stored.get(turn.index, "")
            if text and rewrites and lane.state.active():
                lane.log(turn.index).update("turn-0", text=text)
            elif text:
                lane.log(turn.index).write(
                    text, "turn", range(turn.index + 1 - (over if turn is turns[-1] else 1), turn.index + 1)
                )
            lane.turn = turn.index
            if stored is not None:
                call = {
                    "purpose": "facts",
                    "prompt": [{"role": "user", "text": turn.said}],
                    "raw": "[]",
                    "tokens": [9, 2],
                }
                lane.emit(Kind.MODEL_CALLED, "", call)
            lane.emit(Kind.TURN_CLOSED, "", {"calls": 0, "tokens": [0, 0], "items": turn.index})
        shown = [i for i in lane.state.active() if i.turns[0] in context]
        spans = [
            {"kind": "item", "label": i.id, "items": [i.id], "turns": [*i.turns], "tokens": [n, n + 1], "text": i.text}
            for n, i in enumerate(shown)
        ]
        lane.emit(Kind.RECALLED, probe.id, {"query": probe.question, "k": 2, "hits": []})
        lane.emit(Kind.PACKED, probe.id, {"budget": 512, "tokens": 5, "spans": spans, "dropped": []})
        lane.emit(Kind.ANSWERED, probe.id, {"text": answer, "tokens": [], "prompt_tokens": 5, "error": error})
        lane.emit(Kind.SCORED, probe.id, {"correct": False, "score": 0.0, "extracted": answer})
        writer.append(lane.events, [])
    with TraceReader(folder / "claims.mnemo") as reader:
        return suspect(reader, 1, 1, probe.id)


def asks(question: str, gold: str, *evidence: int, scorer: str = "match") -> Probe:
    return Probe("p0", 2, question, (gold,) if gold else (), "accurate_retrieval", evidence, scorer)


def test_a_turn_that_answers_alone_needs_no_other(tmp_path: Path) -> None:
    found = told(tmp_path, GRANT, asks(ASKED, "600", 0, 1, 2), (2,))
    assert (found.cause, found.turns) == ("misread", (2,))
    assert found.sentence == "turn-2 says it in the context, and the reader made something else of it"
    assert [(s.stage, s.item, s.held) for s in found.thread][-2:] == [("used", "turn-2", False), ("right", "p0", False)]


def test_of_several_turns_the_sentence_says_how_many(tmp_path: Path) -> None:
    probe = asks("Why was it put off?", "switch", 0, 1, 2)
    found = told(tmp_path, MOVED, probe, (0, 1, 2))
    assert found.cause == "misread"
    assert found.sentence.startswith("turn-0, turn-1, turn-2 in the context say all of the evidence, and the reader")
    found = told(tmp_path / "b", MOVED, probe, (0, 2))
    assert (found.cause, found.ranking) == ("not_retrieved", None)
    assert found.sentence == "turn-1 says one of the 3 pieces of evidence and was not among the candidates"


@pytest.mark.parametrize(
    ("answer", "error", "cause", "ends"),
    [
        ("Mira: 600\nMira: 600\nMira: 6", "cut off at 32 tokens", "misread", "incomplete: cut off at 32 tokens"),
        ("Mira: 37\n[Saturday, 6 April 2026, 18:06] Mira: 37", "", "misread", "made something else of it"),
        ("Of 8 they took 6.", "", "scorer", "than the scorer takes: Of 8 they took 6. for 6"),
        ("I don't know.", "", "misread", "the reader answered that it does not know"),
    ],
)
def test_what_is_said_of_an_answer(tmp_path: Path, answer: str, error: str, cause: str, ends: str) -> None:
    said = ("Take the 8 tables down to 6.", "Fine.", "See you.")
    found = told(tmp_path, said, asks("How many tables?", "6", 0, scorer="number"), (0,), answer, error)
    assert found.cause == cause and found.sentence.endswith(ends) and "\n" not in found.sentence


def test_what_says_only_some_of_it_is_not_said_to_say_it(tmp_path: Path) -> None:
    said = ("Last Tuesday I met Lotte, her old school gave us six benches.", "Fine.", "See you.")
    probe = asks("On which date did Mira meet Lotte?", "17 March", 0)
    found = told(tmp_path, said, probe, (0,), stored={0: "The school of Lotte gave six benches."})
    assert found.sentence.startswith("turn-0 says some of it in the context")
    found = told(tmp_path / "b", said, probe, (0,))
    assert found.sentence.startswith("turn-0 says it in the context")


def test_the_item_of_the_evidence_turn_is_named_before_another(tmp_path: Path) -> None:
    said = ('The favourite is "New Life" so far.', "Fine.", 'The name is "New Life".')
    found = told(tmp_path, said, asks("What is the name?", "New Life", 2), ())
    assert found.sentence == "turn-2 says it and was not among the candidates"


@pytest.mark.parametrize(
    ("stored", "cause"),
    [
        ("Opening: 2026-04-11", "misread"),
        ("The opening is on April 11th.", "misread"),
        ("Opening: 2026-04-18", "never_stored"),
    ],
)
def test_a_day_is_named_in_any_form(tmp_path: Path, stored: str, cause: str) -> None:
    said = ("I hate it, but the opening is now on Saturday, 11 April.", "And the tables are here.", "See you.")
    found = told(tmp_path, said, asks("When is the opening?", "11 April", 0), (0,), stored={0: stored})
    assert found.cause == cause, found.sentence


def test_what_is_said_where_nothing_flips(tmp_path: Path) -> None:
    first = told(tmp_path, MOVED, Probe("p0", 2, "What is her surname?", (), "abstention", abstain=True), (0,), "Rome.")
    wrong = Try((), "nothing changed", "Rome.", False)
    why = _why_not(Proof(wrong, wrong, None, (), None), first)
    assert why == "Nobody has said it, and the reader answered all the same: Rome; without any memory it does so, too"
    found = told(tmp_path / "b", MOVED, asks("Why was it put off?", "switch", 0, 1, 2), (0, 1, 2))
    assert _why_not(Proof(wrong, wrong, None, (), None), found).endswith(
        "but to mend that does not make the answer right"
    )
    oracle = replace(wrong, answer="On a\nbus.")
    assert _why_not(Proof(wrong, wrong, oracle, (), None), found).endswith("this reader answers: On a bus.")


def test_scores_are_told_apart_or_said_to_be_the_same() -> None:
    assert _against(0.7391, 0.5) == "0.739 against 0.500"
    assert _against(0.73912, 0.73904) == "0.739120 against 0.739040"
    assert _against(0.0, 0.0) == "the same (0.000)"


def test_only_the_last_of_several_turns_is_said_to_have_been_read(tmp_path: Path) -> None:
    found = told(tmp_path, MOVED, asks("Why was it put off?", "switch", 0, 1), (), stored={})
    assert found.cause == "never_stored"
    assert found.sentence == "Nothing was stored from turns 0, 1; the model read the last one at turn 1 (facts)"


def test_a_question_without_an_answer_is_told_on_one_line(tmp_path: Path) -> None:
    probe = Probe("p0", 2, "What is her surname?", (), "abstention", abstain=True)
    found = told(tmp_path, MOVED, probe, (0,), "It is:\n\nIt is:\n\nIt is:")
    assert found.sentence == "Nobody has said it, and the reader answered all the same: It is: It is: It is:"
    assert "answered It is: It is: It is:, gold to say that it does not know\n" in story(found)


def test_what_became_of_an_item_that_was_rewritten_more_than_once(tmp_path: Path) -> None:
    said = ("My evenings go to Greek.", "Nowadays only Czech lessons.", "Latin homework fills weekends.")
    probe = asks("What was the language after Greek?", "Czech", 0, 1)
    found = told(tmp_path, said, probe, (), rewrites=True)
    assert found.cause == "lost"
    assert found.sentence == (
        "turn-0 said one of the 2 pieces of evidence until turn 1, when it was rewritten to say: Mira: Nowadays only "
        "Czech lessons; by the question it says: Mira: Latin homework fills weekends; the other one was lost, too"
    )


def test_of_what_was_stored_the_one_from_fewest_turns_is_shown(tmp_path: Path) -> None:
    found = told(tmp_path, MOVED, asks("Why?", "switch", 1), (), stored={1: "A check.", 2: "(0, 1, 2) Summary"}, over=3)
    assert found.sentence == "Nothing that was stored from turn 1 says it; turn-0 says: A check."

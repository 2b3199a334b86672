"""What counts as right, scorer by scorer."""

from itertools import product
from typing import Any

import pytest

from workbench import plugins
from workbench.errors import MnemoscopeError
from workbench.probes import SCORERS, score, score_answer, score_probe, scorers
from workbench.probes.scorers import PUBLISHED
from workbench.sessions.model import Probe


def probe(*gold: str, scorer: str = "match", **values: object) -> Probe:
    return Probe("p", 3, "Where?", gold, "accurate_retrieval", scorer=scorer, **values)  # type: ignore[arg-type]


RIGHT = [
    ("match", ("Oslo",), "Oslo"),
    ("match", ("Oslo",), "oslo."),
    ("match", ("Oslo",), "in Oslo"),
    ("match", ("Oslo",), "Answer: She lives in Oslo now."),
    ("match", ("New York", "NYC"), "nyc"),
    ("match", ("New York",), "in the New-York area"),
    ("match", ("3",), "three"),
    ("match", ("2026",), "on 2026-04-11"),
    ("match", ("11",), "11 of them, on 2026-04-11"),
    ("match", ("Mira's house",), "at Mira’s house"),
    ("match", ("not stated",), "not stated"),
    ("exact", ("Oslo",), "the Oslo."),
    ("exact", ("Oslo",), "Answer: Oslo"),
    ("exact", ("MAX X",), "Answer: “*MAX X*”."),
    ("substring", ("oslo",), "It is Oslo, I think"),
    ("f1", ("the red brick house",), "a red brick house"),
    ("f1", ("painting and drawing",), "drawing"),
    ("f1", ("yes",), "Yes."),
    ("label", ("43",), "label: 43"),
    ("label", ("43",), "It is 43."),
    ("label", ("card_lost",), "Label = card_lost"),
    ("label-strict", ("43",), " 43 "),
    ("number", ("12",), "twelve eggs"),
    ("number", ("1200",), "1,200.0"),
    ("number", ("a dozen",), "a dozen"),
    ("abstain", (), "The conversation does not say."),
    ("abstain", (), "unknown"),
    ("abstain", (), "No information available"),
    ("abstain", (), "I don’t know"),
    ("abstain", (), "That was not mentioned."),
]
WRONG = [
    ("match", ("Oslo",), "Lima"),
    ("match", ("Oslo",), ""),
    ("match", ("Oslo",), "unknown"),
    ("match", ("Oslo",), "not Oslo"),
    ("match", ("Oslo",), "no longer in Oslo"),
    ("match", ("Oslo",), "Oslo is not mentioned"),
    ("match", ("cat",), "category"),
    ("match", ("11",), "on 2026-04-11"),
    ("match", ("",), "anything"),
    ("exact", ("Oslo",), "in Oslo"),
    ("substring", ("Oslo",), "I do not know about Oslo"),
    ("f1", ("the red brick house",), "blue"),
    ("f1", ("no",), "no sugar"),
    ("f1", ("no sugar",), "no"),
    ("label", ("43",), "label: 44"),
    ("label-strict", ("43",), "label: 43"),
    ("number", ("12",), "13"),
    ("number", ("12",), "a few"),
    ("abstain", (), "Oslo"),
    ("abstain", (), ""),
    ("abstain", (), "He knows no one there."),
]


@pytest.mark.parametrize(("scorer", "gold", "answer"), RIGHT)
def test_right(scorer: str, gold: tuple[str, ...], answer: str) -> None:
    result = score(scorer, probe(*gold), answer)
    assert result.correct
    assert result.score >= 0.5


@pytest.mark.parametrize(("scorer", "gold", "answer"), WRONG)
def test_wrong(scorer: str, gold: tuple[str, ...], answer: str) -> None:
    assert not score(scorer, probe(*gold), answer).correct


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("B", True),
        ("(b)", True),
        ("B: Lima", True),
        ("lima", True),
        ("It was Lima.", True),
        ("A", False),
        ("Oslo or Lima", False),
        ("unknown", False),
        ("Z", False),
    ],
)
def test_choice(answer: str, right: bool) -> None:
    asked = probe("Lima", options=("Oslo", "Lima", "Lima North"))
    assert score("choice", asked, answer).correct is right


def test_choice_takes_the_longest_option_that_is_named() -> None:
    asked = probe("Lima North", options=("Oslo", "Lima", "Lima North"))
    assert score("choice", asked, "in Lima North").correct
    assert not score("choice", asked, "in Lima").correct


def test_match_does_not_accept_a_second_option() -> None:
    asked = probe("Lima", options=("Oslo", "Lima"))
    assert score("match", asked, "Lima").correct
    assert not score("match", asked, "Lima, before that Oslo").correct


LETTERS = ("E", "B", "T", "W", "R")
BIKE = "Which ticket letter does an e-bike that does not start get: E, B, T, W or R?"
TYRE = "Which ticket letter does an ordinary bicycle with a flat tyre get: E, B, T, W or R?"
WHERE = "Where does Mira live?"


@pytest.mark.parametrize(
    ("question", "gold", "options", "answer", "right"),
    [
        (BIKE, "B", LETTERS, "Maren: E-bikes are B, ordinary bicycles stay R.", True),
        (TYRE, "R", LETTERS, "E-bikes are B, ordinary bicycles stay R.", True),
        (BIKE, "R", LETTERS, "E-bikes are B, ordinary bicycles stay R.", False),
        (BIKE, "E", LETTERS, "an e-bike", False),
        (BIKE, "B", LETTERS, "B, e.g. for an e-bike", True),
        (BIKE, "B", LETTERS, "E, B, T, W", False),
        (BIKE, "B", LETTERS, "That is B, other bikes get R", False),
        (WHERE, "Lima", ("Oslo", "Lima"), "Mira lives in Lima; her brother's home is Oslo", False),
        (WHERE, "Lima", ("Oslo", "Lima"), "Mira lives in Lima; Tom stays in Oslo", True),
        (WHERE, "Oslo", ("Oslo", "Lima"), "Mira lives in Lima; Tom stays in Oslo", False),
        (WHERE, "Lima", ("Oslo", "Lima"), "Mira lived in Lima, before that in Oslo", False),
        (WHERE, "Lima", ("Oslo", "Lima"), "Mira lived in Lima, then she moved to Oslo", False),
        (WHERE, "Lima", ("Oslo", "Lima"), "Mira wohnt in Lima, früher in Oslo", False),
    ],
)
def test_a_second_option_of_something_else(
    question: str, gold: str, options: tuple[str, ...], answer: str, right: bool
) -> None:
    asked = Probe("p", 3, question, (gold,), "accurate_retrieval", options=options)
    assert score("match", asked, answer).correct is right
    if options is not LETTERS:  # a letter alone names the option at its place
        assert score("choice", asked, answer).correct is right


def locomo(category: int, gold: str, answer: str) -> float:
    return score("locomo", probe(gold, extra={"category": category}), answer).score


def test_locomo_stems_words_and_drops_articles() -> None:
    assert locomo(4, "The painted houses", "painting house and a house") == pytest.approx(2 * 2 / (3 + 2))


def test_locomo_counts_the_best_part_for_each_gold_part_of_a_multi_hop_question() -> None:
    assert locomo(1, "pottery, camping", "camping, swimming") == pytest.approx(0.5)
    assert locomo(1, "pottery, camping", "camping, pottery") == 1.0


def test_locomo_ends_the_gold_of_an_open_domain_question_at_the_semicolon() -> None:
    assert locomo(3, "Yes; because she likes it", "yes") == 1.0
    assert locomo(4, "Yes; because she likes it", "yes") < 0.5


def test_locomo_adversarial_wants_the_official_phrases() -> None:
    assert locomo(5, "x", "Not mentioned in the conversation") == 1.0
    assert locomo(5, "x", "unknown") == 0.0


def test_an_abstaining_probe_is_right_only_when_the_answer_abstains() -> None:
    asked = probe(abstain=True)
    assert score_probe(asked, "unknown", [])["correct"]
    assert not score_probe(asked, "Oslo", [])["correct"]
    assert score_probe(asked, "Oslo", [])["scorer"] == "abstain"


def test_the_payload_is_complete_and_plain() -> None:
    asked = Probe("p", 3, "Where?", ("Oslo",), "conflict_resolution", evidence=(3,))
    assert score_probe(asked, "Answer: Oslo.", [(1, True, (2,)), (2, True, (3,))]) == {
        "correct": True,
        "score": 1.0,
        "extracted": "Oslo",
        "scorer": "match",
        "competency": "conflict_resolution",
        "scores": {},
        "k": 0,
        "recall": {"1": 0.0, "5": 1.0, "10": 1.0},
        "ndcg": 0.63093,
        "rank": 2,
    }


def test_an_unknown_scorer_is_named() -> None:
    with pytest.raises(MnemoscopeError, match=r"unknown scorer 'guess' - one of: match, exact"):
        score("guess", probe("x"), "x")


@pytest.mark.parametrize("name", SCORERS)
@pytest.mark.parametrize("answer", ["", " \n ", "(", "*" * 300, "Answer:", "ответ", "\x00"])
def test_no_scorer_breaks_on_odd_answers(name: str, answer: str) -> None:
    result = score(name, probe("Oslo", options=("Oslo", "Lima")), answer)
    assert not result.correct
    assert 0.0 <= result.score <= 1.0


def test_published_figures_stand_beside_right_or_wrong() -> None:
    asked = Probe(
        "p", 3, "?", ("Oslo",), "accurate_retrieval", evidence=(2,), scores=("em", "recall-all", "locomo-judge")
    )
    found = score_probe(asked, "It is Oslo.", [(1, True, (2,))], k=5)
    assert found["correct"]
    assert found["scores"] == {"em": 0.0, "recall-all@1": 1.0, "recall-all@3": 1.0, "recall-all@5": 1.0}


def test_a_figure_whose_material_is_missing_is_left_out() -> None:
    asked = probe("1", "2", scores=("recsys-recall@5",))
    assert score_answer(asked, "1. Vertigo")["scores"] == {}
    catalogue = {"<x/Vertigo_(film)>": 1, "<x/Psycho_(1960)>": 2, "<x/Rope>": 3}
    shared = {"catalogue": catalogue}
    assert score_answer(asked, "1. vertgo\n2. Rope", shared)["scores"] == {"recsys-recall@5": 0.5}


class Entry:
    """An entry point of another package."""

    def __init__(self, name: str, found: object) -> None:
        self.name, self.value, self._found = name, f"elsewhere:{name}", found

    def load(self) -> object:
        if isinstance(self._found, Exception):
            raise self._found
        return self._found


def test_a_scorer_from_outside_and_one_that_cannot_be_loaded(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    entries = [Entry("length", lambda probe, answer: len(answer) / 10), Entry("lost", ImportError("no module x"))]
    monkeypatch.setattr(plugins, "entry_points", lambda group: entries if group == scorers.GROUP else [])
    plugins.loaded.cache_clear()
    try:
        found = score_answer(probe("x", scorer="length", scores=("length",)), "seven !")
        assert (found["correct"], found["score"], found["scores"]) == (True, 0.7, {"length": 0.7})
        assert not score_answer(probe("x", scorer="length"), "")["correct"], "nought is a figure"
        with pytest.raises(MnemoscopeError, match=r"unknown scorer 'lost' - one of: match, .*length"):
            score("lost", probe("x"), "x")
        assert [r.getMessage() for r in caplog.records] == [
            "lost of elsewhere:lost cannot be loaded (ImportError: no module x); it is left out"
        ]
    finally:
        plugins.loaded.cache_clear()


@pytest.mark.parametrize("name", [n for n in PUBLISHED if n.startswith(("lon", "hum", "etb", "tur"))])
def test_a_file_with_odd_fields_costs_no_score(name: str) -> None:
    odd: list[dict[str, Any]] = [
        {}, {"years": 3}, {"longbio": "pair", "years": {"Ada": "x", "Bo": None}}, {"longbio": 7, "cite": 5},
        {"longbio": "number"}, {"task": "tvg", "spans": "x"}, {"task": "tal", "spans": [[1], [2, "b"], [3, 4]]},
        {"task": "vhd"},
    ]  # fmt: skip
    for extra, gold, said in product(odd, [(), ("",), ("x",)], ["", "Ada and Bo", "1 - 3", "5..3 - 2", "[1, 2"]):
        asked = Probe("p", 0, "", gold, "accurate_retrieval", scorer="pair", scores=(name,), extra=extra)
        assert set(score_answer(asked, said, {})["scores"]) <= {name}

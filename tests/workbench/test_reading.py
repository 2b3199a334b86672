"""The rule that answers without a model: the newest of what says the same slot."""

from pathlib import Path

import pytest

from workbench.memory.base import Span
from workbench.probes import score_probe
from workbench.reading import nearest_label, newest
from workbench.sessions import formats


def spans(*lines: str) -> list[Span]:
    return [Span(line, (f"i{n}",), (n,)) for n, line in enumerate(lines)]


@pytest.mark.parametrize(
    ("question", "lines", "value", "item"),
    [
        ("Where does Mira live?", ("Mira lives in Oslo.", "Mira lives in New York."), "New York", "i1"),
        ("Where does Mira live?", ("Mira lives in Rome.", "Tom lives in Oslo.", "Mira likes tea."), "Rome", "i0"),
        ("Which sport is goaltender associated with?",
         ("user: 7. goaltender is associated with the sport of ice hockey.",
          "user: 311. goaltender is associated with the sport of pesäpallo."), "pesäpallo", "i1"),
        ("What is the country of citizenship of Narendra Modi?",
         ("12. Narendra Modi is a citizen of India.", "Narendra Modi was born in Vadnagar."), "India", "i0"),
        ("Where does Nobody live?", ("Mira lives in Oslo.",), "unknown", None),
        ("Where does Mira live?", (), "unknown", None),
        ("", ("Mira lives in Oslo.",), "unknown", None),
    ],
)  # fmt: skip
def test_newest_of_the_slot(question: str, lines: tuple[str, ...], value: str, item: str | None) -> None:
    assert newest(question, spans(*lines)) == (value, (item,) if item else ())


def test_order_in_the_context_does_not_matter_but_the_turn_does() -> None:
    old, new = spans("Mira lives in Oslo.", "Mira lives in Rome.")
    assert newest("Where does Mira live?", [new, old])[0] == newest("Where does Mira live?", [old, new])[0] == "Rome"


def test_lines_of_one_span_are_statements_of_their_own() -> None:
    assert newest("Where does Mira live?", [Span("Tom eats figs.\nMira lives in Rome.", ("a",), (3,))])[0] == "Rome"


@pytest.mark.parametrize("row, least", [("factconsolidation_sh_6k", 0.97), ("factconsolidation_sh_32k", 0.95)])
def test_it_answers_factconsolidation_from_the_evidence_and_the_stale_facts(
    shared_data: Path, row: str, least: float
) -> None:
    """Given both versions of every fact (and ten others), the rule is near the upper bound of memory.md section 2.4."""
    path = shared_data / "memoryagentbench_conflict_resolution" / "Conflict_Resolution_6k_32k.json"
    session = next(s for s in formats.read(path) if s.name == row)
    right = 0
    for probe in session.probes:
        turns = {*probe.evidence, *probe.extra["stale"], *range(1, 11)}
        given = [Span(session.turns[t].said, (f"turn-{t}",), (t,)) for t in sorted(turns)]
        right += bool(score_probe(probe, newest(probe.question, given)[0], [])["correct"])
    assert right / len(session.probes) >= least


def test_the_label_is_that_of_the_example_that_the_memory_ranks_first() -> None:
    first = Span("user: my card has not come label: 3", ("a",), (1,), priority=0.4)
    second = Span("user: the card was stolen label: 7", ("b",), (2,), priority=0.9)
    assert nearest_label("my card has not come", [first, second]) == ("7", ("b",))


def test_within_a_chunk_and_among_recent_turns_the_words_decide() -> None:
    chunk = "user: my card has not come\nlabel: 3 user: the card was stolen\nlabel: 7"
    assert nearest_label("was my card stolen?", [Span(chunk, ("a",), priority=1.0)])[0] == "7"
    recent = [Span("user: the card was stolen label: 7", ("a",), kind="turn", priority=1.0),
              Span("user: hello there label: 9", ("b",), kind="turn", priority=2.0)]  # fmt: skip
    assert nearest_label("was my card stolen?", recent) == ("7", ("a",))


def test_without_labelled_examples_no_label_is_known() -> None:
    assert nearest_label("was my card stolen?", [Span("user: hello", ("a",))]) == ("unknown", ())
    assert nearest_label("", []) == ("unknown", ())
